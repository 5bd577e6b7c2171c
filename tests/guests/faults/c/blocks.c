// Asks for memory. Each is right where there is enough of it.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused, noinline)) static

struct pair {
    char *name;
    char *value;
};

UNUSED int forgets_name(void) {
    struct pair pair;
    pair.name = malloc(24);
    if (pair.name == NULL) return -1;
    pair.value = malloc(48);
    if (pair.value == NULL) return -1;
    free(pair.value);
    free(pair.name);
    return 0;
}

UNUSED int frees_name(void) {
    struct pair pair;
    pair.name = malloc(24);
    if (pair.name == NULL) return -1;
    pair.value = malloc(48);
    if (pair.value != NULL) free(pair.value);
    free(pair.name);
    return pair.value == NULL ? -1 : 0;
}

UNUSED int loses_what_grows(void) {
    char *text = malloc(16);
    if (text == NULL) return -1;
    text = realloc(text, 4096);
    if (text == NULL) return -1;
    free(text);
    return 0;
}

UNUSED int keeps_what_grows(void) {
    char *text = malloc(16);
    if (text == NULL) return -1;
    char *grown = realloc(text, 4096);
    free(grown == NULL ? text : grown);
    return grown == NULL ? -1 : 0;
}

UNUSED int rows(int frees) {
    char **rows = calloc(4, sizeof *rows);
    if (rows == NULL) return -1;
    int whole = 1;
    for (int row = 0; row < 4 && whole; row++) whole = (rows[row] = calloc(10, 8)) != NULL;
    for (int row = 0; (whole || frees) && row < 4; row++) free(rows[row]);
    free(rows);
    return whole ? 0 : -1;
}

UNUSED int forgets_rows(void) { return rows(0); }

UNUSED int frees_rows(void) { return rows(1); }

UNUSED int leaves_open(void) {
    int file = open("/tmp/file", O_WRONLY | O_CREAT, 0600);
    if (file < 0) return -1;
    void *buffer;
    if (posix_memalign(&buffer, 64, 256) != 0) return -1;
    free(buffer);
    close(file);
    unlink("/tmp/file");
    return 0;
}

UNUSED int closes(void) {
    int file = open("/tmp/file", O_WRONLY | O_CREAT, 0600);
    if (file < 0) return -1;
    void *buffer;
    int failed = posix_memalign(&buffer, 64, 256);
    if (!failed) free(buffer);
    close(file);
    unlink("/tmp/file");
    return failed ? -1 : 0;
}

// What a library of C gives is memory, too.
UNUSED int forgets_copy(void) {
    char *first = strdup("first");
    if (first == NULL) return -1;
    char *second = strdup("second");
    if (second == NULL) return -1;
    free(second);
    free(first);
    return 0;
}

// The program ends itself: nothing is to be said of that.
UNUSED int ends_itself(void) {
    void *block = malloc(16);
    if (block == NULL) abort();
    free(block);
    return 0;
}

// What was refused is asked for again.
UNUSED int asks_again(void) {
    void *block = NULL;
    for (int times = 0; block == NULL && times < 3; times++) block = malloc(16);
    free(block);
    return block == NULL ? -1 : 0;
}

int main(void) { return WAY() == 0 ? 0 : 1; }
