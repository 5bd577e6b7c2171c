// Copies a file. The copies are right where nothing fails.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((unused, noinline)) static int forgets_input(const char *from, const char *to) {
    int in = open(from, O_RDONLY);
    if (in < 0) return -1;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0) return -1;
    char bytes[16];
    ssize_t got = read(in, bytes, sizeof bytes);
    if (got < 0 || write(out, bytes, got) != got) {
        close(in);
        close(out);
        unlink(to);
        return -1;
    }
    close(in);
    close(out);
    return 0;
}

__attribute__((unused, noinline)) static int forgets_buffer(const char *from, const char *to) {
    char *bytes = malloc(16);
    if (bytes == NULL) return -1;
    int in = open(from, O_RDONLY);
    if (in < 0) return -1;
    ssize_t got = read(in, bytes, 16);
    close(in);
    if (got >= 0) {
        int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (out < 0 || write(out, bytes, got) != got) got = -1;
        if (out >= 0) close(out);
        if (got < 0) unlink(to);
    }
    free(bytes);
    return got < 0 ? -1 : 0;
}

__attribute__((unused, noinline)) static int forgets_stream(const char *from, const char *to) {
    FILE *in = fopen(from, "r");
    if (in == NULL) return -1;
    char line[16];
    if (fgets(line, sizeof line, in) == NULL) return -1;
    fclose(in);
    FILE *out = fopen(to, "w");
    if (out == NULL) return -1;
    int failed = fputs(line, out) < 0;
    failed |= fclose(out) != 0;
    if (failed) unlink(to);
    return failed ? -1 : 0;
}

__attribute__((unused, noinline)) static int closes_twice(const char *from, const char *to) {
    int in = open(from, O_RDONLY);
    if (in < 0) return -1;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char bytes[16];
    ssize_t got = out < 0 ? -1 : read(in, bytes, sizeof bytes);
    if (got < 0 || write(out, bytes, got) != got) {
        close(in);
        got = -1;
    }
    close(in);
    if (out >= 0) close(out);
    if (got < 0) unlink(to);
    return got < 0 ? -1 : 0;
}

__attribute__((unused, noinline)) static int goes_on_for_ever(const char *from, const char *to) {
    int in = open(from, O_RDONLY);
    if (in < 0) return -1;
    char bytes[16];
    size_t all = 0;
    int failed = 0;
    while (all < 5) {
        ssize_t got = failed ? -1 : read(in, bytes + all, sizeof bytes - all);
        if (got < 0) failed = 1;
        else all += got;
    }
    close(in);
    (void)to;
    return 0;
}

__attribute__((unused, noinline)) static int mended(const char *from, const char *to) {
    int in = open(from, O_RDONLY);
    if (in < 0) return -1;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char *bytes = out < 0 ? NULL : malloc(16);
    ssize_t got = bytes == NULL ? -1 : read(in, bytes, 16);
    if (got >= 0) {
        ssize_t done = 0, more;
        while (done < got && ((more = write(out, bytes + done, got - done)) > 0 || errno == EINTR)) {
            if (more > 0) done += more;
        }
        if (done < got) got = -1;
    }
    free(bytes);
    close(in);
    if (out >= 0 && close(out) != 0) got = -1;
    if (got < 0) unlink(to);
    return got < 0 ? -1 : 0;
}

int main(void) {
    int made = open("/tmp/from", O_WRONLY | O_CREAT, 0600);
    if (made < 0) return 1;
    int failed = write(made, "text\n", 5) != 5;
    close(made);
    if (!failed) failed = COPY("/tmp/from", "/tmp/to") != 0;
    unlink("/tmp/from");
    return failed ? 1 : 0;
}
