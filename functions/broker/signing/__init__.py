"""What is signed in place of a bearer token: parameters of an Assembly, Smart CDN URLs, Storage grants."""
