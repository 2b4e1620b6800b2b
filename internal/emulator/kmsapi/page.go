package kmsapi

// pageInput asks for a part of a list.
type pageInput struct {
	Limit  *int
	Marker string
}

// limit returns the size of the page asked for.
func (p pageInput) limit(usual, most int) (int, error) {
	if p.Limit == nil {
		return usual, nil
	}
	if *p.Limit < 1 || *p.Limit > most {
		return 0, invalid("Limit must be from 1 to %d", most)
	}
	return *p.Limit, nil
}

// pageOutput says whether a list goes on. The marker is the first item of the next
// page.
type pageOutput struct {
	Truncated  bool
	NextMarker string `json:",omitempty"`
}

func next(marker string) pageOutput { return pageOutput{Truncated: true, NextMarker: marker} }
