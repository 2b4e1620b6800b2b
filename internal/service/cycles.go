package service

import (
	"fmt"
	"time"
)

// Garbage configures what happens to things in AWS that belong to no organization.
type Garbage struct {
	Enabled bool `yaml:"enabled"` // default false: they are reported
	// Grace is how long something must have been seen without an organization; default
	// 168h, 1h to 8760h.
	Grace time.Duration `yaml:"grace"`
	// MaxPerCycle is how many are deleted in one cycle; default 10, 1 to 1,000.
	MaxPerCycle int `yaml:"maxPerCycle"`
}

// Defaults and bounds of the reconciler's cycles.
const (
	DefaultDeepInterval   = 48 * time.Hour
	DefaultGarbageGrace   = 7 * 24 * time.Hour
	DefaultGarbageAtOnce  = 10
	minDeepInterval       = time.Second
	maxDeepInterval       = 30 * 24 * time.Hour
	minGarbageGrace       = time.Hour
	maxGarbageGrace       = 365 * 24 * time.Hour
	maxGarbageMaxPerCycle = 1000
)

// completeCycles fills in defaults. Its error begins with the key.
func (m *ManagedCas) completeCycles() error {
	g := &m.GarbageCollection
	byDefault(&m.DeepInterval, DefaultDeepInterval)
	byDefault(&g.Grace, DefaultGarbageGrace)
	byDefault(&g.MaxPerCycle, DefaultGarbageAtOnce)
	switch {
	case m.DeepInterval < minDeepInterval || m.DeepInterval > maxDeepInterval:
		return fmt.Errorf("deepInterval is %s: %s to %s", m.DeepInterval, minDeepInterval, maxDeepInterval)
	case g.Grace < minGarbageGrace || g.Grace > maxGarbageGrace:
		return fmt.Errorf("garbageCollection.grace is %s: %s to %s", g.Grace, minGarbageGrace, maxGarbageGrace)
	case g.MaxPerCycle < 1 || g.MaxPerCycle > maxGarbageMaxPerCycle:
		return fmt.Errorf("garbageCollection.maxPerCycle is %d: 1 to %d", g.MaxPerCycle, maxGarbageMaxPerCycle)
	}
	return nil
}
