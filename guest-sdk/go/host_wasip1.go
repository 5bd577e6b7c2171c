//go:build wasip1

package airtight

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// UnderAirtight tells whether airtight runs the test.
const UnderAirtight = true

//go:wasmimport airtight track
func hostTrack(kind, label string) uint32

//go:wasmimport airtight untrack
func hostUntrack(number uint32) uint32

//go:wasmimport airtight held_mark
func hostMark() uint32

//go:wasmimport airtight held_since
func hostSince(mark uint32, text unsafe.Pointer, size uint32) uint32

//go:wasmimport airtight sock_listen
func hostListen(address, fd unsafe.Pointer) uint32

//go:wasmimport airtight sock_connect
func hostConnect(address, fd unsafe.Pointer) uint32

//go:wasmimport airtight sock_address
func hostAddress(fd, side uint32, address unsafe.Pointer) uint32

//go:noinline
func track(kind, label string) uint32 { return hostTrack(kind, label) }

func untrack(number uint32) { hostUntrack(number) }

// mark is the number of this moment.
func mark() uint32 { return hostMark() }

// since is how many resources were acquired since a moment and are held still, and which: as many as there is room for.
func since(mark uint32) (int, string) {
	var text [1024]byte
	count := hostSince(mark, unsafe.Pointer(&text), uint32(len(text)))
	held, _, _ := strings.Cut(string(text[:]), "\x00")
	return int(count), held
}

// sides of a socket, as hostAddress names them.
const (
	local = 0
	peer  = 1
)

// record is an address as the host reads and writes it: 16 bytes of the IP address, one of version 4 in the first four;
// the port, little-endian; the IP version; and a zero.
type record [20]byte

func recordOf(address netip.AddrPort) (r record) {
	ip := address.Addr().Unmap()
	r[18] = 6
	if ip.Is4() {
		r[18] = 4
	}
	copy(r[:16], ip.AsSlice())
	r[16], r[17] = byte(address.Port()), byte(address.Port()>>8)
	return r
}

func (r *record) address() net.Addr {
	ip := netip.AddrFrom16([16]byte(r[:16]))
	if r[18] == 4 {
		ip = netip.AddrFrom4([4]byte(r[:4]))
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(r[16])|uint16(r[17])<<8))
}

// addressOf is an address of a socket; nil where the host knows none.
func addressOf(fd uintptr, side uint32) net.Addr {
	var r record
	if hostAddress(uint32(fd), side, unsafe.Pointer(&r)) != 0 {
		return nil
	}
	return r.address()
}

// file is what net makes a listener or a connection of. Both are then counted as owners of the descriptor, so the caller
// closes the file.
func file(fd int32, name string) (*os.File, error) {
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		syscall.Close(int(fd))
		return nil, os.NewSyscallError("fd_fdstat_set_flags", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func listen(address netip.AddrPort) (net.Listener, error) {
	failed := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(address), Err: err}
	}
	r, fd := recordOf(address), int32(-1)
	if errno := hostListen(unsafe.Pointer(&r), unsafe.Pointer(&fd)); errno != 0 {
		return failed(os.NewSyscallError("sock_listen", syscall.Errno(errno)))
	}
	f, err := file(fd, "listener at "+address.String())
	if err != nil {
		return failed(err)
	}
	defer f.Close()
	bound := addressOf(f.Fd(), local)
	inner, err := net.FileListener(f)
	if err != nil {
		return failed(err)
	}
	return &listener{Listener: inner, address: bound}, nil
}

func dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	failed := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(address), Err: err}
	}
	if err := ctx.Err(); err != nil {
		return failed(err)
	}
	r, fd := recordOf(address), int32(-1)
	switch errno := syscall.Errno(hostConnect(unsafe.Pointer(&r), unsafe.Pointer(&fd))); errno {
	case 0:
	case syscall.EACCES, syscall.ECONNREFUSED:
		err := os.NewSyscallError("sock_connect", errno)
		return failed(fmt.Errorf("%w (a service of the host has to be granted: outbound = [%q])", err, address))
	default:
		return failed(os.NewSyscallError("sock_connect", errno))
	}
	f, err := file(fd, "connection to "+address.String())
	if err != nil {
		return failed(err)
	}
	defer f.Close()
	local, remote := addressOf(f.Fd(), local), addressOf(f.Fd(), peer)
	inner, err := net.FileConn(f)
	if err != nil {
		return failed(err)
	}
	return &conn{Conn: inner, local: local, remote: remote}, nil
}

// listener is net's, which knows no address here.
type listener struct {
	net.Listener
	address net.Addr
}

func (l *listener) Addr() net.Addr { return l.address }

func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, local: l.address, remote: inner.RemoteAddr()}
	if raw, err := inner.(syscall.Conn).SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			if remote := addressOf(fd, peer); remote != nil {
				c.remote = remote
			}
		})
	}
	return c, nil
}

// conn is net's, which knows no addresses here.
type conn struct {
	net.Conn
	local, remote net.Addr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// CloseWrite tells the peer that nothing more comes, as *net.TCPConn does.
func (c *conn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// CloseRead discards what still comes.
func (c *conn) CloseRead() error { return c.Conn.(*net.TCPConn).CloseRead() }
