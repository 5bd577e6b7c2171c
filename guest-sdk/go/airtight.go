// Package airtight is for tests of Go that airtight runs: it counts resources of their own kinds, gives them a network
// of their own whose sockets are counted, and asserts what they leave on the heap.
//
// The same tests compile and pass under plain `go test`: there Track counts nothing, Scope looks at nothing, and Listen and
// Dial use the machine's own loopback network.
//
// A binary for wasip1 that calls Track, Scope, Listen or Dial imports functions that only airtight has: no other engine loads it.
package airtight

import "sync"

// Resource is something of a kind of the user's own that Track has entered in the books.
type Resource struct {
	once   sync.Once
	number uint32
}

// Track enters a resource of a kind of the user's own in the books, such as "MockOrderService" or "transaction": a pool's
// connection, a mock, a bean. One that is not released by the end of the test is a leak, told with the place of the call.
// `tracked = { MockOrderService = 5 }` in a profile of airtight.toml fails a test in which more are there at once.
//
// The label tells one resource from others of its kind, and may be empty. Kind and label may have 1,024 bytes each, and a
// test 1,000 kinds: what is beyond that ends the test.
//
//	mock := airtight.Track("MockOrderService", "for the checkout")
//	t.Cleanup(mock.Release)
func Track(kind, label string) *Resource {
	return &Resource{number: track(kind, label)}
}

// Release takes the resource off the books. Releasing it again does nothing.
func (r *Resource) Release() {
	r.once.Do(func() { untrack(r.number) })
}

// Close is Release, for what takes an io.Closer. It returns nil.
func (r *Resource) Close() error {
	r.Release()
	return nil
}
