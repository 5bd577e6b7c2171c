package airtight

import "runtime"

// TB is what assertions need of a *testing.T, *testing.B or *testing.F.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Rounds is how often AssertNoGrowth calls its function between two looks at the heap.
const Rounds = 20

// looks is how often growth must be seen: what a runtime with threads does meanwhile may leave blocks once, but not each time.
const looks = 3

// warmUps is how often a function is called before anything is measured: what is initialised by its first call, and what
// is made anew by its second, as a sync.Pool's victims.
const warmUps = 2

// AssertHeapBelow calls work, and fails the test if it allocates `limit` bytes or more, all in all, as
// runtime.MemStats.TotalAlloc counts them: with the rounding up to size classes, and with what is collected meanwhile.
// So it is a bound for what is live at once: work that passes never had `limit` bytes more on the heap than before.
// What other goroutines allocate meanwhile counts.
func AssertHeapBelow(t TB, limit uint64, work func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated >= limit {
		t.Errorf("allocated %d bytes in %d blocks; they were to be below %d", allocated, after.Mallocs-before.Mallocs, limit)
	}
}

// AssertNoGrowth calls work again and again, and fails the test if the calls leave something on the heap: half a block a
// call or more, after a full collection. It is what runtime.MemStats counts, not a ledger: less than that, such as a map
// that grows now and then, is not told, and neither is who holds the blocks.
//
// work is called twice before, to make what is made once, and then Rounds times between two looks. It fails if each of three
// such intervals has that growth; the first without ends it.
func AssertNoGrowth(t TB, work func()) {
	t.Helper()
	for range warmUps {
		work()
	}
	bytes, blocks := live()
	var moreBytes, moreBlocks int64
	for range looks {
		for range Rounds {
			work()
		}
		nowBytes, nowBlocks := live()
		moreBytes, moreBlocks = int64(nowBytes-bytes), int64(nowBlocks-blocks)
		if 2*moreBlocks < Rounds {
			return
		}
		bytes, blocks = nowBytes, nowBlocks
	}
	t.Errorf("%d calls left %d blocks on the heap, %d bytes", Rounds, moreBlocks, moreBytes)
}

// live is what a full collection leaves: bytes, and blocks. The first collection lets finalizers run, and what they held
// goes with the second.
func live() (bytes, blocks uint64) {
	var stats runtime.MemStats
	for range 2 {
		runtime.GC()
		runtime.Gosched()
	}
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc, stats.Mallocs - stats.Frees
}
