print("wgangp-dist")
