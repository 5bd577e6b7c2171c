//go:build !wasip1

package airtight

import (
	"context"
	"net"
	"net/netip"
)

// UnderAirtight tells whether airtight runs the test.
const UnderAirtight = false

func track(kind, label string) uint32 { return 0 }

func untrack(uint32) {}

func mark() uint32 { return 0 }

func since(uint32) (int, string) { return 0, "" }

func listen(address netip.AddrPort) (net.Listener, error) {
	return net.Listen("tcp", address.String())
}

func dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address.String())
}
