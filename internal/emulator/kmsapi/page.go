package kmsapi

import "github.com/managedcas/managedcas/internal/emulator/pagetoken"

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

// from returns the first item of the page asked for, "" for the first of all.
func (p pageInput) from() (string, error) {
	if p.Marker == "" {
		return "", nil
	}
	first, ok := pagetoken.Read("kms", p.Marker)
	if !ok {
		return "", failure("InvalidMarkerException", "Marker is not the NextMarker of an earlier answer")
	}
	return first, nil
}

// pageOutput says whether a list goes on. The marker is of the first item of the next
// page.
type pageOutput struct {
	Truncated  bool
	NextMarker string `json:",omitempty"`
}

func next(first string) pageOutput {
	return pageOutput{Truncated: true, NextMarker: pagetoken.Make("kms", first)}
}
