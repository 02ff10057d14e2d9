// libcurl is loaded at run time, so neither its headers nor a link are needed to build. Swift
// cannot call functions with variable arguments: these do, with curl_easy_setopt
// as `function`.
#include <stddef.h>

typedef int (*wgangp_curl_variadic)(void *handle, int option, ...);
typedef size_t (*wgangp_curl_data)(char *bytes, size_t size, size_t count, void *context);
typedef int (*wgangp_curl_progress)(
    void *context, long toCome, long came, long toGo, long gone);

static inline int wgangp_curl_long(void *function, void *handle, int option, long value) {
  return ((wgangp_curl_variadic)function)(handle, option, value);
}
static inline int wgangp_curl_pointer(void *function, void *handle, int option, const void *value) {
  return ((wgangp_curl_variadic)function)(handle, option, value);
}
static inline int wgangp_curl_on_data(
    void *function, void *handle, int option, wgangp_curl_data callback) {
  return ((wgangp_curl_variadic)function)(handle, option, callback);
}
static inline int wgangp_curl_on_progress(
    void *function, void *handle, int option, wgangp_curl_progress callback) {
  return ((wgangp_curl_variadic)function)(handle, option, callback);
}
