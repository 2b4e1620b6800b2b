package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the content of file durable, with what is needed to read it back
// (its size), but not its times: https://man7.org/linux/man-pages/man2/fdatasync.2.html.
func syncData(file *os.File) error {
	for {
		if err := unix.Fdatasync(int(file.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// startWriting has the disk begin with length bytes from offset, so that syncData
// finds little left to do. It promises nothing and waits for nothing:
// https://man7.org/linux/man-pages/man2/sync_file_range.2.html.
func startWriting(file *os.File, offset, length int64) {
	_ = unix.SyncFileRange(int(file.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE)
}
