package service

import (
	"fmt"
	"math"
	"time"
)

// Limits keep the organizations of one cas process apart, and the process alive. They
// hold for each process by itself. Every key may be left out.
type Limits struct {
	// Transfers is how many may run at a time, and TransfersPerOrganization how many of
	// them may be one organization's: a quarter by default, so that several busy ones fit.
	Transfers                int `yaml:"transfers"`
	TransfersPerOrganization int `yaml:"transfersPerOrganization"`
	// QueuePerOrganization is how many more of an organization may wait for a place, for
	// QueueTime at most; then they are told to try again.
	QueuePerOrganization int           `yaml:"queuePerOrganization"`
	QueueTime            time.Duration `yaml:"queueTime"`
	// BytesPerSecondPerOrganization bounds what one organization moves, both ways together;
	// 0, the default: no bound.
	BytesPerSecondPerOrganization int64 `yaml:"bytesPerSecondPerOrganization"`
	// MemoryBytes is the heap above which new transfers are told to try again.
	MemoryBytes int64 `yaml:"memoryBytes"`
	// TransferIdle is how long a transfer may stand still, Patience how long it may be
	// slower than MinBytesPerSecond, TransferTime how long it may take in all.
	TransferIdle      time.Duration `yaml:"transferIdle"`
	Patience          time.Duration `yaml:"patience"`
	MinBytesPerSecond int64         `yaml:"minBytesPerSecond"`
	TransferTime      time.Duration `yaml:"transferTime"`
	// DirectUploadsPerOrganization is how many uploads of an organization may be on their way
	// to S3 by themselves, or not confirmed.
	DirectUploadsPerOrganization int `yaml:"directUploadsPerOrganization"`
	// DrainDelay is how long new requests are still answered after SIGTERM, with "try
	// again", while load balancers learn from /readyz; DrainTime is how long transfers may
	// go on.
	DrainDelay *time.Duration `yaml:"drainDelay"`
	DrainTime  time.Duration  `yaml:"drainTime"`
}

// The defaults of Limits. A transfer holds up to 8 MiB: 128 of them fit in a GiB.
const (
	DefaultTransfers         = 128
	DefaultMemoryBytes       = 1 << 30
	DefaultQueueTime         = 5 * time.Second
	DefaultTransferIdle      = time.Minute
	DefaultPatience          = 2 * time.Minute
	DefaultMinBytesPerSecond = 8 << 10 // a bad mobile connection
	DefaultTransferTime      = 6 * time.Hour
	DefaultDirectUploads     = 1000 // some MB of rows with many organizations
	DefaultDrainDelay        = 3 * time.Second
	DefaultDrainTime         = 20 * time.Second // Kubernetes kills after 30 s

	minMemoryBytes = 64 << 20 // what an idle process has, and some transfers
	maxTransfers   = 1 << 20
)

// WithDefaults fills in what is left out.
func (l Limits) WithDefaults() Limits {
	byDefault(&l.Transfers, DefaultTransfers)
	byDefault(&l.TransfersPerOrganization, max(l.Transfers/4, 1))
	byDefault(&l.QueuePerOrganization, 2*l.TransfersPerOrganization)
	byDefault(&l.QueueTime, DefaultQueueTime)
	byDefault(&l.MemoryBytes, DefaultMemoryBytes)
	byDefault(&l.TransferIdle, DefaultTransferIdle)
	byDefault(&l.Patience, DefaultPatience)
	byDefault(&l.MinBytesPerSecond, DefaultMinBytesPerSecond)
	byDefault(&l.TransferTime, DefaultTransferTime)
	byDefault(&l.DirectUploadsPerOrganization, DefaultDirectUploads)
	byDefault(&l.DrainTime, DefaultDrainTime)
	if l.DrainDelay == nil {
		l.DrainDelay = new(DefaultDrainDelay)
	}
	return l
}

func byDefault[T comparable](value *T, fallback T) {
	if *value == *new(T) {
		*value = fallback
	}
}

// check refuses what makes no sense. The error begins with the key.
func (l Limits) check() error {
	for _, row := range []struct {
		key                  string
		value, least, atMost int64
	}{
		{"transfers", int64(l.Transfers), 1, maxTransfers},
		{"transfersPerOrganization", int64(l.TransfersPerOrganization), 1, int64(l.Transfers)},
		{"queuePerOrganization", int64(l.QueuePerOrganization), 1, maxTransfers},
		{"directUploadsPerOrganization", int64(l.DirectUploadsPerOrganization), 1, maxTransfers},
		{"memoryBytes", l.MemoryBytes, minMemoryBytes, math.MaxInt64},
		{"minBytesPerSecond", l.MinBytesPerSecond, 1, math.MaxInt32},
	} {
		if row.value < row.least || row.value > row.atMost {
			return fmt.Errorf("%s is %d: %d to %d", row.key, row.value, row.least, row.atMost)
		}
	}
	// Below 8 MiB/s, transfers that wait for bandwidth would stand still for too long.
	if b := l.BytesPerSecondPerOrganization; b != 0 && (b < 8<<20 || b > math.MaxInt32) {
		return fmt.Errorf("bytesPerSecondPerOrganization is %d: 0 for no bound, or %d to %d", b, 8<<20, math.MaxInt32)
	}
	for _, row := range []struct {
		key                  string
		value, least, atMost time.Duration
	}{
		{"queueTime", l.QueueTime, time.Millisecond, time.Minute},
		{"transferIdle", l.TransferIdle, time.Second, time.Hour},
		{"patience", l.Patience, time.Second, 24 * time.Hour},
		{"transferTime", l.TransferTime, time.Second, 30 * 24 * time.Hour},
		{"drainDelay", *l.DrainDelay, 0, time.Hour},
		{"drainTime", l.DrainTime, time.Millisecond, 24 * time.Hour},
	} {
		if row.value < row.least || row.value > row.atMost {
			return fmt.Errorf("%s is %s: %s to %s", row.key, row.value, row.least, row.atMost)
		}
	}
	return nil
}
