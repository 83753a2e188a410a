"""Wrap an ASGI application with a policy, for any ASGI server: `uvicorn middleware:guarded`."""

from policyc.runtime.embed import compile_policy
from policyc.runtime.middleware import PolicyMiddleware
from shop_app import app

policy = compile_policy("""
    on_http_request {
      when req.url.path.startsWith("/admin/") {
        restrict-ips { allow: ["127.0.0.0/8"] }
      }
    }
    on_http_response { remove-headers { headers: ["server"] } }
""")

guarded = PolicyMiddleware(app, policy)
