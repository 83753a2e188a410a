"""Ask a policy for a decision: no socket, no event loop, a plain function call."""

from policyc.runtime.embed import compile_policy, decide

policy = compile_policy("""
    on_http_request {
      when !hasReqHeader("x-api-key") { deny 401 }
      rule "old paths" when req.url.path.startsWith("/v1/") { url-rewrite { from: "/v1/", to: "/api/" } }
    }
""")

refused = decide(policy, url="https://shop.example.com/v1/stock")
print(refused.outcome, refused.status)  # respond 401

passed = decide(policy, url="https://shop.example.com/v1/stock", headers={"x-api-key": "tea"})
print(passed.outcome, passed.request.target, passed.rules)  # continue /api/stock ['old paths']
