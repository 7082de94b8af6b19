// The places an engine may lie in: MARTLET_ENGINES, the caller's folder, `.engines/lib` above the executable and
// above the current folder, the user's cache, and the system's loader path.
#define _GNU_SOURCE
#include "dnnl_search.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    ce_search *search;
    const char *name;
    bool (*attempt)(const char *path, void *context);
    void *context;
} walk;

void ce_search_note(ce_search *search, const char *path, const char *format, ...) {
    char *reason = NULL, *report = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&reason, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    const char *before = search->report ? search->report : "";
    // The loader's own messages begin with the path already.
    const bool has_path = strncmp(reason, path, strlen(path)) == 0;
    const int written = has_path ? asprintf(&report, "%s%s\n", before, reason)
                                 : asprintf(&report, "%s%s: %s\n", before, path, reason);
    free(reason);
    if (written < 0) return;
    free(search->report);
    search->report = report;
}

static bool try_path(walk *w, const char *path) {
    if (!w->attempt(path, w->context)) return false;
    w->search->found = strdup(path);
    return true;
}

/// Tries DIRECTORY/name and DIRECTORY/lib/name.
static bool try_directory(walk *w, const char *directory) {
    static const char *const inner[] = {"", "lib/"};
    bool is_absent = true;
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s%s", directory, inner[i], w->name) >= (int)sizeof path) continue;
        if (access(path, F_OK) != 0) continue;
        is_absent = false;
        if (try_path(w, path)) return true;
    }
    if (is_absent) ce_search_note(w->search, directory, "no %s here or in lib", w->name);
    return false;
}

/// A folder above the current one may be anybody's: load from it only what this user or root alone can have put there.
static bool is_trusted(const char *directory) {
    struct stat status;
    if (stat(directory, &status) != 0) return false;
    return (status.st_uid == geteuid() || status.st_uid == 0) && (status.st_mode & S_IWOTH) == 0;
}

/// Tries `.engines` in `start` and every folder above it.
static bool try_upward(walk *w, const char *start, bool must_be_trusted) {
    char folder[PATH_MAX], engines[PATH_MAX + 16];
    snprintf(folder, sizeof folder, "%s", start);
    for (;;) {
        snprintf(engines, sizeof engines, "%s/.engines", folder);
        if (access(engines, F_OK) == 0) {
            if (must_be_trusted && !is_trusted(engines)) {
                ce_search_note(w->search, engines, "passed over: not this user's alone");
            } else if (try_directory(w, engines)) {
                return true;
            }
        }
        char *slash = strrchr(folder, '/');
        if (!slash || folder[0] == 0) return false;
        *slash = 0;
    }
}

static bool try_above_executable(walk *w) {
    char path[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return false;
    path[length] = 0;
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
    return try_upward(w, path, false);
}

static bool try_user_cache(walk *w) {
    char path[PATH_MAX];
    const char *home = getenv("HOME");
    if (!home || !*home) return false;
    if (snprintf(path, sizeof path, "%s/.cache/martlet/engines", home) >= (int)sizeof path) return false;
    return try_directory(w, path);
}

bool ce_search_library(
    ce_search *search, const char *name, const char *extra_directory,
    bool (*attempt)(const char *path, void *context), void *context) {
    walk w = {search, name, attempt, context};
    char current[PATH_MAX];
    const char *wanted = getenv("MARTLET_ENGINES");
    if (wanted && strcmp(wanted, "none") == 0) {
        ce_search_note(search, "MARTLET_ENGINES", "\"none\": engines are switched off");
        return false;
    }
    if (wanted && *wanted && try_directory(&w, wanted)) return true;
    if (extra_directory && try_directory(&w, extra_directory)) return true;
    if (try_above_executable(&w)) return true;
    if (getcwd(current, sizeof current) && try_upward(&w, current, true)) return true;
    if (try_user_cache(&w)) return true;
    return try_path(&w, name);
}
