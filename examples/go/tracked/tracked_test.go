// Package tracked uses airtight's own package: sockets and mocks that are counted, and what a function leaves on the heap.
package tracked

import (
	"io"
	"net"
	"testing"

	airtight "github.com/airtight-rs/airtight/guest-sdk/go"
)

// container makes a mock for whoever asks, and forgets to take it down.
type container struct{}

func (container) orderService(t *testing.T) *airtight.Resource {
	return airtight.Track("MockOrderService", t.Name())
}

func TestMocksPileUp(t *testing.T) {
	var beans container
	for range 3 {
		beans.orderService(t)
	}
}

func TestMocksAreTakenDown(t *testing.T) {
	var beans container
	for range 3 {
		t.Cleanup(beans.orderService(t).Release)
	}
}

// answer accepts one connection, answers, and closes it.
func answer(listener net.Listener) {
	if server, err := listener.Accept(); err == nil {
		io.WriteString(server, "hello")
		server.Close()
	}
}

func TestConnectionIsForgotten(t *testing.T) {
	listener, err := airtight.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go answer(listener)
	client, err := airtight.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(client); string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestConnectionIsClosed(t *testing.T) {
	listener, err := airtight.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go answer(listener)
	client, err := airtight.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if text, err := io.ReadAll(client); string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
}

var cache [][]byte

func TestCacheGrows(t *testing.T) {
	airtight.AssertNoGrowth(t, func() { cache = append(cache, make([]byte, 100)) })
}
