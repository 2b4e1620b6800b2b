package cas

// Parts grow: small ones cost less memory, larger ones reach further. Doubled growths
// times, once every growEvery parts where nobody announced a length, they are the
// largest that one process holds (decision 006). What needs larger ones is streamed.
const (
	growEvery = 1000
	growths   = 2
)

// partSizes says how large the parts of an upload are.
type partSizes struct {
	first  int64
	length int64 // or UnknownLength
}

// of returns the size of part number, if all before it had the sizes that of says; of the
// last part, the most that it may be.
func (s partSizes) of(number int) int64 {
	if s.length == UnknownLength {
		return s.at(number, 0)
	}
	return s.at(1, 0)
}

// at returns the size of part number, which begins at offset: as large as the rest needs
// to fit in the numbers that are left.
func (s partSizes) at(number int, offset int64) int64 {
	if s.length == UnknownLength {
		return s.first << min((number-1)/growEvery, growths)
	}
	left, numbers := s.length-offset, int64(maxParts-number+1)
	return max(s.first, roundUp((left+numbers-1)/numbers, mebibyte))
}

func roundUp(n, unit int64) int64 { return (n + unit - 1) / unit * unit }

// within returns how much of size the next part may take when left bytes are all that
// will come for now, and not the end: S3 wants every part but the last to have
// minPartSize, so what remains must not be less. left is at least that.
func within(size, left int64) int64 {
	switch rest := left - size; {
	case rest <= 0, left < 2*minPartSize:
		return left
	case rest < minPartSize:
		return left - minPartSize
	}
	return size
}
