package main

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// devDirectory returns the data directory and what to do with it at the end.
func devDirectory(dir string) (string, func() error, error) {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "managedcas-dev-*")
		return temporary, func() error { return os.RemoveAll(temporary) }, err
	}
	return dir, func() error { return nil }, os.MkdirAll(dir, 0o700)
}

// listenLoopback opens one listener per name on consecutive ports, or on free ones.
func listenLoopback(first int, names ...string) (map[string]net.Listener, error) {
	listeners := map[string]net.Listener{}
	for i, name := range names {
		port := 0
		if first > 0 {
			port = first + i
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			for _, opened := range listeners {
				err = errors.Join(err, opened.Close())
			}
			return nil, fmt.Errorf("listening for %s (choose another --ports, or 0): %w", name, err)
		}
		listeners[name] = l
	}
	return listeners, nil
}
