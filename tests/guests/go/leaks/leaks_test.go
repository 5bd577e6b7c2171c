// Package leaks has a test for each way in which something of Go's can be left. Its name begins with the verdict.
package leaks

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

var stop = make(chan int)

func TestMain(m *testing.M) {
	go heartbeat()
	ended := make(chan int)
	go func() {
		<-stop
		close(ended)
	}()
	code := m.Run()
	close(stop)
	<-ended
	os.Exit(code)
}

func heartbeat() {
	for range time.Tick(time.Hour) {
	}
}

func TestPassAndWaitForIt(*testing.T) {
	done := make(chan int)
	go func() {
		time.Sleep(5 * time.Millisecond)
		close(done)
	}()
	<-done
}

func TestPassOnItsWayOut(*testing.T) {
	go func() { time.Sleep(100 * time.Millisecond) }()
}

func TestPassParallel(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("sub", func(t *testing.T) { t.Parallel() })
	}
}

func TestPassAServerClosed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	get(t, server.URL)
}

func TestLeakAServer(t *testing.T) {
	get(t, httptest.NewServer(http.NotFoundHandler()).URL)
}

func get(t *testing.T, url string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func TestLeakSendersOfOnePlace(*testing.T) {
	for range 3 {
		channel := make(chan int)
		go func() { channel <- 1 }()
	}
}

func TestLeakATicker(*testing.T) {
	tick := time.NewTicker(time.Hour)
	go func() {
		for range tick.C {
		}
	}()
}

func TestLeakAWaitGroup(*testing.T) {
	var wait sync.WaitGroup
	wait.Add(1)
	go wait.Wait()
}

func TestLeakInAParallelSubtest(t *testing.T) {
	t.Run("sub", func(t *testing.T) {
		t.Parallel()
		go func() { select {} }()
	})
}

// What the collector closes was left open.
func TestLeakADroppedFileToo(t *testing.T) {
	file, err := os.Open("leaks_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Name()
	go func() { select {} }()
}

func TestLeakFilesOfOneLoop(t *testing.T) {
	for range 3 {
		kept = append(kept, open(t))
	}
}

var kept []*os.File

func open(t *testing.T) *os.File {
	t.Helper()
	time.Sleep(time.Millisecond) // the goroutine is resumed
	file, err := os.Open("leaks_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func Example_leak() {
	go func() { select {} }()
	// Output:
}

func FuzzLeak(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(*testing.T, int) { go func() { select {} }() })
}
