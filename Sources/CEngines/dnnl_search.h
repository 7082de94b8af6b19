// Where an engine's library is looked for, in order, with a record of every place.
#ifndef DNNL_SEARCH_H
#define DNNL_SEARCH_H

#include <stdbool.h>

typedef struct {
    /// One line a place; grows with each note. Not freed: it is read as long as the process runs.
    char *report;
    /// The path that served, else NULL.
    char *found;
} ce_search;

/// Adds the line "path: reason" to the report, the reason by printf's rules.
void ce_search_note(ce_search *search, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

/// Calls `attempt` for each place where a file called `name` lies, and last for the bare name, until it returns true.
bool ce_search_library(
    ce_search *search, const char *name, const char *extra_directory,
    bool (*attempt)(const char *path, void *context), void *context);

#endif
