package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAuditSinks(t *testing.T) {
	t.Parallel()
	const good = "{name: siem, webhook: {url: 'https://siem.example/in', secretEnv: S}}"
	for sinks, says := range map[string]string{
		good: "",
		"{name: c, otlp: {url: 'http://127.0.0.1:4318/v1/logs'}}": "",
		"{name: c, otlp: {url: 'http://[::1]:4318/v1/logs'}}":     "",
		good + "," + good: "audit.sinks[1].name",
		"{name: Siem, otlp: {url: 'https://c.example/'}}": "audit.sinks[0].name",
		"{name: c}": "give one of the two",
		"{name: c, otlp: {url: 'https://c/'}, webhook: {url: 'https://c/', secretEnv: S}}": "give one of the two",
		"{name: c, webhook: {url: 'https://c/'}}":                                          "secretFile",
		"{name: c, webhook: {url: 'https://c/', secretEnv: S, secretFile: f}}":             "secretFile",
		"{name: c, webhook: {url: 'http://siem.example/hidden', secretEnv: S}}":            "not https",
		"{name: c, webhook: {url: 'https://me:hidden@siem.example/', secretEnv: S}}":       "not a URL",
		"{name: c, otlp: {url: 'siem.example'}}":                                           "not a URL",
		"{name: c, otlp: {url: 'ftp://127.0.0.1/'}}":                                       "not https",
		strings.Repeat(good+",", 9) + good:                                                 "at most 8",
		"{name: c, otlp: {url: 'https://c/', secret: hidden}}":                             "secret",
	} {
		_, err := ParseConfig([]byte("audit: {sinks: [" + sinks + "]}"))
		switch {
		case says == "" && err != nil, says != "" && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("%s: %v, want %q", sinks, err, says)
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("%s: %v repeats a secret", sinks, err)
		}
	}
}

func TestAuditSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	for size, good := range map[int]bool{15: false, 16: true, 4096: true, 4097: false} {
		text := strings.Repeat("s", size)
		if err := os.WriteFile(file, []byte(text+"\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, w := range []AuditWebhook{{SecretFile: file}, {SecretEnv: "S"}} {
			secret, err := w.Secret(func(name string) string { return map[string]string{"S": text}[name] })
			if (err == nil) != good || good && string(secret) != text {
				t.Errorf("%d bytes: %d, %v", size, len(secret), err)
			}
			if err != nil && strings.Contains(err.Error(), "sss") {
				t.Errorf("%v has the secret", err)
			}
		}
	}
	if _, err := (AuditWebhook{SecretFile: file + "-none"}).Secret(os.Getenv); err == nil {
		t.Error("a file that is not there")
	}
}
