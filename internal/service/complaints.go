package service

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// complaints is where net/http says what it has no other way to say. Handshakes that fail
// are the doing of whoever connects, and must not fill the log of a server that anybody can
// reach; the rest, such as a handler's panic, is ours.
func complaints(to *slog.Logger) *log.Logger { return log.New(complaint{to}, "", 0) }

type complaint struct{ log *slog.Logger }

func (c complaint) Write(line []byte) (int, error) {
	level := slog.LevelError
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	c.log.LogAttrs(context.Background(), level, "HTTP server", slog.String("said", string(bytes.TrimSpace(line))))
	return len(line), nil
}
