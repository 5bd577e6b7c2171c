package airtight

import (
	"runtime"
	"time"
)

const (
	// yields is how often other goroutines may run to their end before time is given to them.
	yields = 10
	// sleeps is how often they are given time: 1 ms, and twice as much each time. It is the sandbox's time, which passes at once.
	sleeps = 10
)

// Scope runs work, and fails the test if something that work began has not ended with it: goroutines, and files, directories,
// sockets (see Listen and Dial) and tracked resources (see Track). It tells what is left at once, with the scope's name, where
// the report tells it at the end of the test alone. Goroutines that are on their way out are waited for.
//
// What other goroutines begin meanwhile counts: parallel subtests have no scopes of their own. Without airtight it only calls
// work.
//
//	airtight.Scope(t, "one request", func() { handle(request) })
func Scope(t TB, name string, work func()) {
	t.Helper()
	if !UnderAirtight {
		work()
		return
	}
	goroutines, moment := runtime.NumGoroutine(), mark()
	work()
	for i := 0; i < yields && runtime.NumGoroutine() > goroutines; i++ {
		runtime.Gosched()
	}
	for i := 0; i < sleeps && runtime.NumGoroutine() > goroutines; i++ {
		time.Sleep(time.Millisecond << i)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 0 {
		t.Errorf("scope %q has ended, and %d goroutines that began in it have not", name, more)
	}
	if count, held := since(moment); count > 0 {
		t.Errorf("scope %q has ended, and left %d open: %s", name, count, held)
	}
}
