package service

import (
	"fmt"
	"time"

	"github.com/managedcas/managedcas/internal/controlplane"
)

// CallLimits are the limits of a control plane process (docs/limits.md). Every key may be
// left out; a burst is twice the rate then.
type CallLimits struct {
	RequestsPerSecondPerToken          int           `yaml:"requestsPerSecondPerToken"`
	BurstPerToken                      int           `yaml:"burstPerToken"`
	RequestsPerSecondPerOrganization   int           `yaml:"requestsPerSecondPerOrganization"`
	BurstPerOrganization               int           `yaml:"burstPerOrganization"`
	UnauthenticatedPerSecondPerAddress int           `yaml:"unauthenticatedPerSecondPerAddress"`
	UnauthenticatedBurstPerAddress     int           `yaml:"unauthenticatedBurstPerAddress"`
	CallTime                           time.Duration `yaml:"callTime"`
}

// The bounds of CallLimits. Above a million nothing is a bound any more.
const (
	maxRate     = 1_000_000
	minCallTime = time.Second
	maxCallTime = 5 * time.Minute
)

// complete fills in what is left out, and refuses what makes no sense. Its error begins
// with the key.
func (l *CallLimits) complete() error {
	byDefault(&l.CallTime, controlplane.DefaultLimits().CallTime)
	if l.CallTime < minCallTime || l.CallTime > maxCallTime {
		return fmt.Errorf("callTime is %s: %s to %s", l.CallTime, minCallTime, maxCallTime)
	}
	defaults := controlplane.DefaultLimits()
	for _, row := range []struct {
		rateKey, burstKey string
		rate, burst       *int
		fallback          controlplane.Rate
	}{
		{"requestsPerSecondPerToken", "burstPerToken", &l.RequestsPerSecondPerToken, &l.BurstPerToken, defaults.PerToken},
		{"requestsPerSecondPerOrganization", "burstPerOrganization", &l.RequestsPerSecondPerOrganization, &l.BurstPerOrganization, defaults.PerOrganization},
		{"unauthenticatedPerSecondPerAddress", "unauthenticatedBurstPerAddress", &l.UnauthenticatedPerSecondPerAddress, &l.UnauthenticatedBurstPerAddress, defaults.PerAddress},
	} {
		if *row.rate == 0 {
			*row.rate = int(row.fallback.PerSecond)
			byDefault(row.burst, row.fallback.Burst)
		}
		byDefault(row.burst, min(2**row.rate, maxRate))
		if *row.rate < 1 || *row.rate > maxRate {
			return fmt.Errorf("%s is %d: 1 to %d", row.rateKey, *row.rate, maxRate)
		}
		if *row.burst < 1 || *row.burst > maxRate {
			return fmt.Errorf("%s is %d: 1 to %d", row.burstKey, *row.burst, maxRate)
		}
	}
	return nil
}

// Limits returns what the control plane is told.
func (l CallLimits) Limits() controlplane.Limits {
	return controlplane.Limits{
		PerToken:        controlplane.Rate{PerSecond: float64(l.RequestsPerSecondPerToken), Burst: l.BurstPerToken},
		PerOrganization: controlplane.Rate{PerSecond: float64(l.RequestsPerSecondPerOrganization), Burst: l.BurstPerOrganization},
		PerAddress:      controlplane.Rate{PerSecond: float64(l.UnauthenticatedPerSecondPerAddress), Burst: l.UnauthenticatedBurstPerAddress},
		CallTime:        l.CallTime,
	}
}
