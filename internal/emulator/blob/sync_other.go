//go:build !linux

package blob

import "os"

func syncData(file *os.File) error { return file.Sync() }

func startWriting(*os.File, int64, int64) {}
