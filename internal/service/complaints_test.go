package service_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/service"
	"github.com/managedcas/managedcas/test/authority"
)

// What net/http says of a connection is in the server's log and form: who connects to fail
// fills it only when somebody looks, and a panic is there always.
func TestComplaintsOfHTTP(t *testing.T) {
	t.Parallel()
	for level, wantHandshakes := range map[slog.Level]int{slog.LevelDebug: 1, slog.LevelInfo: 0} {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			ca, secret := authority.New(t), authority.NewSecret(t)
			ca.Renew(t, secret, time.Now().Add(time.Hour))
			var out bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level}))
			transport := service.Transport{TLS: service.TLS{CertFile: secret.CertFile(), KeyFile: secret.KeyFile()}}
			certificate, err := transport.Certificate("test", log)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := transport.Listeners("test", service.Listen{HTTP: "127.0.0.1:0"}, certificate)
			if err != nil {
				t.Fatal(err)
			}
			stop := service.Background(t.Context(), quiet, service.HTTP("http", log, opened.HTTP, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				panic("a defect")
			})))
			conn, err := net.Dial("tcp", opened.HTTP.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			if answer, err := io.ReadAll(conn); err != nil || !strings.Contains(string(answer), "HTTPS server") {
				t.Fatalf("%q, %v", answer, err)
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool}}}
			if resp, err := client.Get("https://" + opened.HTTP.Addr().String()); err == nil {
				resp.Body.Close()
				t.Error("the handler answered")
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(out.String(), `"level":"DEBUG","msg":"HTTP server","said":"http: TLS handshake error`); got != wantHandshakes {
				t.Errorf("%d handshakes in the log, want %d:\n%s", got, wantHandshakes, &out)
			}
			if !strings.Contains(out.String(), `"level":"ERROR","msg":"HTTP server","said":"http: panic serving`) {
				t.Errorf("no panic in the log:\n%s", &out)
			}
		})
	}
}
