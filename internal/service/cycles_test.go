package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/managedcas/managedcas/internal/service"
)

func TestCyclesAreConfigured(t *testing.T) {
	t.Parallel()
	cfg, err := service.ParseConfig([]byte(complete))
	want := service.Garbage{Grace: 168 * time.Hour, MaxPerCycle: 10}
	if m := cfg.Backend.ManagedCas; err != nil || m.DeepInterval != 48*time.Hour || m.GarbageCollection != want {
		t.Errorf("defaults %s, %+v, %v", m.DeepInterval, m.GarbageCollection, err)
	}
	for _, text := range []string{
		"deepInterval: 1s", "deepInterval: 720h",
		"garbageCollection: {enabled: true, grace: 1h, maxPerCycle: 1}", "garbageCollection: {grace: 8760h, maxPerCycle: 1000}",
	} {
		if _, err := service.ParseConfig([]byte(complete + "    " + text + "\n")); err != nil {
			t.Errorf("a value at its limit is refused: %v", err)
		}
	}
	for text, says := range map[string]string{
		"deepInterval: 999ms":                    "backend.managedCas.deepInterval is 999ms: 1s to 720h0m0s",
		"deepInterval: 721h":                     "deepInterval",
		"garbageCollection: {grace: 59m}":        "backend.managedCas.garbageCollection.grace is 59m0s: 1h0m0s to",
		"garbageCollection: {grace: 8761h}":      "grace",
		"garbageCollection: {maxPerCycle: -1}":   "maxPerCycle is -1: 1 to 1000",
		"garbageCollection: {maxPerCycle: 1001}": "maxPerCycle",
		"garbageCollection: {after: 1h}":         "after",
	} {
		if _, err := service.ParseConfig([]byte(complete + "    " + text + "\n")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
