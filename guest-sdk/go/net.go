package airtight

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Listen listens on TCP at an IP address and port, such as "127.0.0.1:0". In airtight that is the test's own network: no
// other test is there, port 0 gets the same ports in each run, and the listener and every connection are counted, so that
// what is left open is a leak with the line that opened it. Without airtight it is net.Listen.
//
// net.Listen itself works in airtight, too, on a network that Go's runtime keeps in memory; nobody counts its sockets.
func Listen(address string) (net.Listener, error) {
	at, err := parse("listen", address)
	if err != nil {
		return nil, err
	}
	return listen(at)
}

// Dial connects to an IP address and port, on the same network as Listen. A service of the host can be reached if the
// profile grants it: `outbound = ["127.0.0.1:5432"]`.
func Dial(address string) (net.Conn, error) {
	return DialContext(context.Background(), "tcp", address)
}

// DialContext is Dial in the form of net.Dialer.DialContext, for http.Transport and its like. The network is "tcp", "tcp4"
// or "tcp6". Connecting does not take time, so the context matters only if it has ended before.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	at, err := parse("dial", address)
	if err != nil {
		return nil, err
	}
	return dial(ctx, at)
}

func parse(op, address string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		err = fmt.Errorf("%q is not an IP address with a port, such as 127.0.0.1:8080", address)
		return at, &net.OpError{Op: op, Net: "tcp", Err: err}
	}
	return at, nil
}
