/* A thread loses a block. The declarations are those of wasi-libc. */
#include <stdlib.h>
typedef struct pthread *pthread_t;
int pthread_create(pthread_t *, const void *, void *(*)(void *), void *);
int pthread_join(pthread_t, void **);

static volatile int sink;

static void *loses(void *unused) {
    char *lost = malloc(40);
    lost[0] = 1;
    sink = lost[0];
    return unused;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, 0, loses, 0)) return 1;
    return pthread_join(thread, 0);
}
