package airtight_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	airtight "github.com/airtight-rs/airtight/guest-sdk/go"
)

// failures is a test that only notes what it is told.
type failures []string

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

var sink []byte

func TestHeapIsBelow(t *testing.T) {
	allocate := func() { sink = make([]byte, 64<<10) }
	airtight.AssertHeapBelow(t, 128<<10, allocate)
	var told failures
	airtight.AssertHeapBelow(&told, 64<<10, allocate)
	if len(told) != 1 || !strings.HasSuffix(told[0], "they were to be below 65536") {
		t.Errorf("told %q", told)
	}
}

func TestGrowthIsTold(t *testing.T) {
	airtight.AssertNoGrowth(t, func() { sink = make([]byte, 1<<10) })
	var kept [][]byte
	var told failures
	airtight.AssertNoGrowth(&told, func() { kept = append(kept, make([]byte, 100)) })
	if len(told) != 1 || !strings.Contains(told[0], "20 calls left ") {
		t.Errorf("told %q", told)
	}
	if len(kept) != 2+3*airtight.Rounds {
		t.Errorf("called %d times", len(kept))
	}
}

func TestScopesAreAskedWhatTheyLeft(t *testing.T) {
	airtight.Scope(t, "clean", func() {
		done := make(chan struct{})
		go close(done)
		<-done
		airtight.Track("mock", "").Release()
	})
	var told failures
	var kept *airtight.Resource
	stop := make(chan struct{})
	airtight.Scope(&told, "open", func() {
		kept = airtight.Track("mock", "kept")
		go func() { <-stop }()
	})
	close(stop)
	kept.Release()
	expected := failures{
		`scope "open" has ended, and 1 goroutines that began in it have not`,
		`scope "open" has ended, and left 1 open: tracked mock (kept)`,
	}
	if !airtight.UnderAirtight {
		expected = nil
	}
	if strings.Join(told, "\n") != strings.Join(expected, "\n") {
		t.Errorf("told %q", told)
	}
}

func TestReleasingTwiceIsReleasingOnce(t *testing.T) {
	one, other := airtight.Track("mock", "one"), airtight.Track("mock", "")
	one.Release()
	one.Release()
	if err := errors.Join(other.Close(), other.Close()); err != nil {
		t.Error(err)
	}
}

func TestConnectionsKnowTheirEnds(t *testing.T) {
	listener, err := airtight.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan net.Conn)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	client, err := airtight.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server := <-accepted
	defer server.Close()
	if client.LocalAddr().String() != server.RemoteAddr().String() || client.RemoteAddr().String() != server.LocalAddr().String() {
		t.Errorf("%v-%v and %v-%v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
	}
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if bytes, err := io.ReadAll(server); err != nil || string(bytes) != "ping" {
		t.Errorf("%q, %v", bytes, err)
	}
}

func TestARealServer(t *testing.T) {
	listener, err := airtight.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: airtight.DialContext}}
	defer client.CloseIdleConnections()
	for range 3 {
		response, err := client.Get(server.URL + "/orders")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != "GET /orders" {
			t.Errorf("%q, %v", body, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"localhost:80", "127.0.0.1", ":80", ""} {
		if _, err := airtight.Listen(address); err == nil || !strings.Contains(err.Error(), "is not an IP address with a port") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := airtight.DialContext(context.Background(), "udp", "127.0.0.1:1"); err == nil {
		t.Error("there is no udp")
	}
	if _, err := airtight.Dial("127.0.0.1:1"); err == nil {
		t.Error("nobody listens there")
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := airtight.DialContext(ended, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
