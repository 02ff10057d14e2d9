// What Package.swift knows of the build and Swift has no constant for.
#ifndef WGANGP_COMMIT
// Empty where there is no git folder: a build from an archive.
#define WGANGP_COMMIT ""
#endif

static inline const char *wgangp_commit(void) { return WGANGP_COMMIT; }
