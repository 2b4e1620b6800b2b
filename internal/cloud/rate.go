package cloud

// Rate is how often one API of AWS may be called by this process.
type Rate struct {
	// PerSecond is the lasting rate, 0.01 to 10,000.
	PerSecond float64 `yaml:"perSecond"`
	// Burst is how many calls may follow each other at once after a pause, 1 to 10,000;
	// 0: as many as two seconds hold.
	Burst int `yaml:"burst"`
}
