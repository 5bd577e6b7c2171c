// The C library remembers where the relative part of the last path was, in a static of its own, as this one does here: that
// keeps nothing alive.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const char *volatile relative;

struct database {
    char *page;
    char path[24];
};

int main(void) {
    struct database *database = malloc(sizeof *database); /* lost here */
    database->page = malloc(100); /* lost here */
    strcpy(database->path, "/tmp/nothing");
    relative = database->path + strlen("/tmp/");
    return open(database->path, O_RDONLY) == -1 ? 0 : 1;
}
