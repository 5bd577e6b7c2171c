// Package server has a mock server that outlives its test.
package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func get(t *testing.T, url string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func TestServerIsNotClosed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	get(t, server.URL)
}

func TestServerIsClosed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	get(t, server.URL)
}
