// Package memstats looks at runtime.MemStats round what it tests, as one does without a profiler.
package memstats

import (
	"runtime"
	"testing"
)

// cache is never emptied.
var cache [][]byte

func load(count int) (bytes int) {
	for range count {
		page := make([]byte, 4<<10)
		cache = append(cache, page)
		bytes += len(page)
	}
	return bytes
}

// parse allocates, and keeps nothing.
func parse(count int) (bytes int) {
	for range count {
		page := make([]byte, 4<<10)
		sink = page
		bytes += len(page)
	}
	sink = nil
	return bytes
}

var sink []byte

func measured(work func(int) int, count int) (bytes int, before, after runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&before)
	bytes = work(count)
	runtime.GC()
	runtime.ReadMemStats(&after)
	return bytes, before, after
}

// TotalAlloc counts what was collected, too: it is never less than what was asked for.
func TestTotalAllocCountsWhatIsGone(t *testing.T) {
	bytes, before, after := measured(parse, 100)
	if got := after.TotalAlloc - before.TotalAlloc; got < uint64(bytes) {
		t.Errorf("%d bytes in all, of %d", got, bytes)
	}
	if after.HeapAlloc > before.HeapAlloc+uint64(bytes)/2 {
		t.Errorf("%d bytes are live, %d were before", after.HeapAlloc, before.HeapAlloc)
	}
}

// HeapAlloc after a collection is what is held. A test that only looks at its own results does not see that.
func TestThePagesAreKept(t *testing.T) {
	if bytes, _, _ := measured(load, 16); bytes != 16*4<<10 {
		t.Errorf("loaded %d bytes", bytes)
	}
}

// The same, found by the test itself.
func TestNothingIsKept(t *testing.T) {
	_, before, after := measured(load, 16)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<10 {
		t.Error("the heap has grown")
	}
}
