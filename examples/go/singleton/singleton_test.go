// Package singleton has state that tests share where they share a process. Here each has an instance of its own, so both tests pass
// that fail one after the other under `go test`.
package singleton

import (
	"sync"
	"testing"
)

var (
	once    sync.Once
	setting string
	cache   = map[string]int{}
	pool    sync.Pool
)

func initialise(value string) string {
	once.Do(func() { setting = value })
	return setting
}

func TestFirstSetting(t *testing.T) {
	if got := initialise("first"); got != "first" {
		t.Errorf("got %s", got)
	}
}

func TestSecondSetting(t *testing.T) {
	if got := initialise("second"); got != "second" {
		t.Errorf("got %s", got)
	}
}

func TestCacheIsEmpty(t *testing.T) {
	if len(cache) != 0 {
		t.Errorf("%d entries", len(cache))
	}
	cache["a"] = 1
}

func TestCacheIsEmptyHereToo(t *testing.T) {
	if len(cache) != 0 {
		t.Errorf("%d entries", len(cache))
	}
	cache["b"] = 1
}

func TestPoolIsEmpty(t *testing.T) {
	if got := pool.Get(); got != nil {
		t.Errorf("got %v", got)
	}
	pool.Put(&struct{ used bool }{true})
}

func TestPoolIsEmptyHereToo(t *testing.T) {
	if got := pool.Get(); got != nil {
		t.Errorf("got %v", got)
	}
	pool.Put(&struct{ used bool }{true})
}
