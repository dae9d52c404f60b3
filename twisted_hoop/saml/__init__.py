"""Who is it, by SAML 2.0? Answers of identity providers: looked over, verified, and only what is signed is read."""
