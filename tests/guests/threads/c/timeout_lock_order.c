/* Two threads take two locks, each in another order. The declarations are those of wasi-libc. */
#include <time.h>
typedef struct { int words[6]; } pthread_mutex_t;
typedef struct pthread *pthread_t;
int pthread_create(pthread_t *, const void *, void *(*)(void *), void *);
int pthread_join(pthread_t, void **);
int pthread_mutex_lock(pthread_mutex_t *);

static pthread_mutex_t first, second;

static void takes(pthread_mutex_t *one, pthread_mutex_t *other) {
    pthread_mutex_lock(one);
    nanosleep(&(struct timespec){.tv_nsec = 1000}, 0);
    pthread_mutex_lock(other);
}

static void *takes_second_first(void *unused) {
    takes(&second, &first);
    return unused;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, 0, takes_second_first, 0)) return 1;
    takes(&first, &second);
    return pthread_join(thread, 0);
}
