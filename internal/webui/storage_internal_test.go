package webui

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	controlplanev1 "github.com/managedcas/managedcas/proto/controlplane/v1"
)

// Only what may become the default is offered, to who may make it so.
func TestOffers(t *testing.T) {
	t.Parallel()
	valid, invalid := controlplanev1.CASBackendItem_VALIDATION_STATUS_OK, controlplanev1.CASBackendItem_VALIDATION_STATUS_INVALID
	for _, tc := range []struct {
		name    string
		item    *controlplanev1.CASBackendItem
		governs bool
		want    bool
	}{
		{"another backend", &controlplanev1.CASBackendItem{ValidationStatus: valid}, true, true},
		{"to somebody else", &controlplanev1.CASBackendItem{ValidationStatus: valid}, false, false},
		{"the default", &controlplanev1.CASBackendItem{ValidationStatus: valid, Default: true}, true, false},
		{"an invalid one", &controlplanev1.CASBackendItem{ValidationStatus: invalid}, true, false},
		{"a pending one", &controlplanev1.CASBackendItem{}, true, false},
	} {
		if got := backendOf(tc.item, tc.governs).Offer; got != tc.want {
			t.Errorf("%s: offered %v", tc.name, got)
		}
	}
}

func TestInterval(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		state, backend string
		age, want      time.Duration
	}{
		{"pending", "pending", 0, time.Second}, {"pending", "pending", time.Minute, time.Second},
		{"pending", "pending", time.Minute + 1, 10 * time.Second}, {"ready", "pending", 0, time.Second},
		{"deleting", "valid", time.Hour, 10 * time.Second},
		{"ready", "valid", 0, 0}, {"degraded", "invalid", 0, 0}, {"ready", "invalid", 0, 0},
	} {
		s := storage{Organization: organization{State: tc.state, Created: timestamppb.New(made)}, Backends: []backend{{Status: tc.backend}}}
		if got := s.interval(made.Add(tc.age)); got != tc.want {
			t.Errorf("%s, %s, after %s: %s, want %s", tc.state, tc.backend, tc.age, got, tc.want)
		}
	}
}

// What is shown is a sentence, in whatever language somebody has named something.
func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "a": "A.", "the name is taken": "The name is taken.", `"ü" is none`: `"ü" is none.`, "über": "Über.", "éa": "Éa."} {
		if got := sentence(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{0: "any size", -1: "any size", 1: "1 bytes", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 5 << 30: "5 GiB", 2 << 50: "2048 TiB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
}
