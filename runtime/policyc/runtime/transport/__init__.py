"""The only modules with sockets: servers, upstream connections, and the wheel that times them."""
