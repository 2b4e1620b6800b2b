package rollout

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay is the address of a service of the cluster: it is known before the pod behind it
// runs, and whoever connects earlier waits. TLS passes through.
type relay struct {
	address string
	target  string // once known is closed
	known   chan struct{}
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &relay{address: listener.Addr().String(), known: make(chan struct{})}
	ended := make(chan struct{})
	var open sync.WaitGroup
	t.Cleanup(func() {
		close(ended)
		_ = listener.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer client.Close()
				select {
				case <-r.known:
				case <-ended:
					return
				}
				server, err := net.Dial("tcp", r.target)
				if err != nil {
					return
				}
				defer server.Close()
				done := make(chan struct{}, 2)
				for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
					open.Go(func() {
						_, _ = io.Copy(way[0], way[1])
						done <- struct{}{}
					})
				}
				select {
				case <-done:
				case <-ended:
				}
			})
		}
	})
	return r
}

// to says where the pod is.
func (r *relay) to(target string) {
	r.target = target
	close(r.known)
}
