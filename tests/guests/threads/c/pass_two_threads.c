/* Two threads add to one number under a lock of pthreads. The declarations are those of wasi-libc, whose header for threads not every
   machine has. */
#include <stdlib.h>
typedef struct { int words[6]; } pthread_mutex_t;
typedef struct pthread *pthread_t;
int pthread_create(pthread_t *, const void *, void *(*)(void *), void *);
int pthread_join(pthread_t, void **);
int pthread_mutex_lock(pthread_mutex_t *);
int pthread_mutex_unlock(pthread_mutex_t *);

static pthread_mutex_t lock;
static int sum;

static void *adds(void *by) {
    for (int n = 0; n < 1000; n++) {
        pthread_mutex_lock(&lock);
        sum += *(int *)by;
        pthread_mutex_unlock(&lock);
    }
    free(by);
    return NULL;
}

int main(void) {
    pthread_t threads[2];
    for (int n = 0; n < 2; n++) {
        int *by = malloc(sizeof *by);
        *by = n + 1;
        if (pthread_create(&threads[n], NULL, adds, by)) abort();
    }
    for (int n = 0; n < 2; n++) pthread_join(threads[n], NULL);
    return sum == 3000 ? 0 : 1;
}
