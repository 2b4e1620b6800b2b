package service

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/managedcas/managedcas/internal/org"
)

// Audit says who is told of audit records.
type Audit struct {
	Sinks []AuditSink `yaml:"sinks"`
}

// AuditSink is one of them: a webhook, or a collector that speaks OTLP.
type AuditSink struct {
	// Name of the sink, by which the database knows how far it was told: another name is
	// told everything from the beginning.
	Name    string        `yaml:"name"`
	Webhook *AuditWebhook `yaml:"webhook"`
	OTLP    *AuditOTLP    `yaml:"otlp"`
}

// AuditWebhook is a URL that JSON lines are posted to, signed with a secret, which a file
// or an environment variable has.
type AuditWebhook struct {
	URL        string `yaml:"url"`
	SecretFile string `yaml:"secretFile"`
	SecretEnv  string `yaml:"secretEnv"`
}

// AuditOTLP is the whole URL of a collector's logs, https://collector:4318/v1/logs. Its
// headers come from OTEL_EXPORTER_OTLP_LOGS_HEADERS.
type AuditOTLP struct {
	URL string `yaml:"url"`
}

// The bounds of sinks. A sink costs a question to the database each second.
const (
	maxAuditSinks  = 8
	minAuditSecret = 16
	maxAuditSecret = 4 << 10
)

// check refuses what could not work, or would send records over a network in the clear.
func (a Audit) check() error {
	if len(a.Sinks) > maxAuditSinks {
		return fmt.Errorf("%d sinks: at most %d", len(a.Sinks), maxAuditSinks)
	}
	names := map[string]bool{}
	for i, s := range a.Sinks {
		if err := s.check(); err != nil {
			return fmt.Errorf("sinks[%d].%w", i, err)
		}
		if names[s.Name] {
			return fmt.Errorf("sinks[%d].name is %q, as another's: give each its own", i, s.Name)
		}
		names[s.Name] = true
	}
	return nil
}

func (s AuditSink) check() error {
	if _, err := org.ParseName(s.Name); err != nil {
		return fmt.Errorf("name is %q: use 1 to 63 lowercase letters, digits and inner hyphens", s.Name)
	}
	switch w := s.Webhook; {
	case (w == nil) == (s.OTLP == nil):
		return errors.New("webhook and otlp: give one of the two")
	case w == nil:
		return secureURL("otlp.url", s.OTLP.URL)
	case (w.SecretFile == "") == (w.SecretEnv == ""):
		return errors.New("webhook.secretFile and webhook.secretEnv: give one of the two")
	default:
		return secureURL("webhook.url", w.URL)
	}
}

// secureURL is one to which records may go: TLS, or this machine. What it has besides the
// address may be a secret, and is not repeated.
func secureURL(key, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s is not a URL: give https://HOST/PATH, without a user", key)
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return fmt.Errorf("%s is not https: records go over no network in the clear; http is for this machine alone", key)
	}
	return nil
}

// Secret reads the secret of a webhook. It is in no error.
func (w AuditWebhook) Secret(env func(string) string) ([]byte, error) {
	text, from := env(w.SecretEnv), "the variable "+w.SecretEnv
	if w.SecretFile != "" {
		f, err := os.Open(w.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("webhook.secretFile: %w", err)
		}
		defer f.Close()
		all, err := io.ReadAll(io.LimitReader(f, maxAuditSecret+3)) // and an end of line
		if err != nil {
			return nil, fmt.Errorf("webhook.secretFile: %w", err)
		}
		text, from = string(all), w.SecretFile
	}
	secret := []byte(strings.TrimRight(text, "\r\n"))
	if n := len(secret); n < minAuditSecret || n > maxAuditSecret {
		return nil, fmt.Errorf("the secret in %s has %d bytes: %d to %d; make one with: openssl rand -hex 32", from, n, minAuditSecret, maxAuditSecret)
	}
	return secret, nil
}
