// A static that owns the path which was opened last.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *path;

int main(void) {
    path = malloc(30); /* retained here */
    strcpy(path, "/tmp/nothing");
    return open(path, O_RDONLY) == -1 ? 0 : 1;
}
