package client_test

import (
	"net"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/client"
	"github.com/managedcas/managedcas/internal/problem"
)

// A server that takes the connection and says nothing is not waited for without end.
func TestCallsEnd(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c, err := client.New(client.Config{ControlPlane: silent.Addr().String(), Insecure: true, Token: "x", Version: "test", CallTime: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Organizations(t.Context())
		ended <- err
	}()
	select {
	case err := <-ended:
		if kind := problem.KindOf(err); kind != problem.Deadline {
			t.Errorf("%v, want it to be out of time", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it is still waiting")
	}
}
