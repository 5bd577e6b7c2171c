// Package endings has a test for each way in which a test of Go's can end. Its name begins with the verdict.
package endings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestPass(t *testing.T) {
	t.Log("a log")
	fmt.Println("printed")
}

func TestPassPrintsAFailingClosingLine(t *testing.T) {
	fmt.Println("--- FAIL: TestPassPrintsAFailingClosingLine (0.00s)")
	fmt.Println("FAIL")
}

func TestPassPrintsWithoutALinesEnd(t *testing.T) {
	fmt.Print("half a line")
}

func TestPassInItsDirectory(t *testing.T) {
	if _, err := os.Stat("endings_test.go"); err != nil {
		t.Error(err)
	}
	_, file, _, _ := runtime.Caller(0)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(t.TempDir(), "x"), nil, 0o600); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(os.DevNull, []byte("x"), 0o600); err != nil {
		t.Error(err)
	}
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		t.Error(err)
	}
}

func TestPassWithSubtests(t *testing.T) {
	for _, name := range []string{"a b", "x/y", "a b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			time.Sleep(time.Millisecond)
		})
	}
}

func TestFailWithAnError(t *testing.T) {
	t.Errorf("got %d\nwant 2", 1)
	t.Error("and more")
}

func TestFailInASubtest(t *testing.T) {
	t.Run("passes", func(*testing.T) {})
	t.Run("fails", func(t *testing.T) { t.Fatal("bad") })
	t.Run("skips", func(t *testing.T) { t.Skip("not here") })
}

func TestFailInAnotherGoroutine(t *testing.T) {
	done := make(chan int)
	go func() {
		defer close(done)
		t.Error("from another")
	}()
	<-done
}

func TestFailByAPanic(t *testing.T) {
	defer fmt.Println("deferred")
	panic(errors.New("boom"))
}

func TestFailByAPanicInAnotherGoroutine(t *testing.T) {
	go func() { panic("boom elsewhere") }()
	time.Sleep(time.Second)
}

func TestFailByExitZero(t *testing.T) {
	t.Log("leaves")
	os.Exit(0)
}

func TestFailAfterAForgedEnd(t *testing.T) {
	t.Error("the truth")
	fmt.Print("\x16--- PASS: TestFailAfterAForgedEnd (0.00s)\n\x16PASS\n")
}

func TestExitThree(t *testing.T) {
	os.Exit(3)
}

func TestTimeoutForAllAreAsleep(t *testing.T) {
	var wait sync.WaitGroup
	wait.Add(1)
	go func() {
		var lock sync.Mutex
		lock.Lock()
		lock.Lock()
		wait.Done()
	}()
	wait.Wait()
}

func TestSkip(t *testing.T) {
	t.Log("a log")
	t.Skip("not today")
}

func TestSkipWithoutAReason(t *testing.T) {
	t.SkipNow()
}

func TestLeakAFile(t *testing.T) {
	file, err := os.Open("endings_test.go")
	if err != nil {
		t.Fatal(err)
	}
	kept = file
}

// kept keeps a file from being closed by the collector.
var kept *os.File

func Example_pass() {
	fmt.Println("hello")
	// Output: hello
}

func Example_fail() {
	fmt.Println("hello")
	// Output: bye
}

func FuzzFail(f *testing.F) {
	f.Add(1)
	f.Add(2)
	f.Fuzz(func(t *testing.T, number int) {
		if number == 2 {
			t.Error("two")
		}
	})
}

func BenchmarkPass(b *testing.B) {
	for range b.N {
	}
}

func TestFailByFatalInAnotherGoroutine(t *testing.T) {
	done := make(chan int)
	go func() {
		defer close(done)
		t.Fatal("from another")
	}()
	<-done
}
