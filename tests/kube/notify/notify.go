// Package notify tells systemd about this unit (sd_notify(3)).
package notify

import (
	"net"
	"os"
)

// Ready says that the unit is up. Without systemd it does nothing.
func Ready() { send("READY=1") }

// Status is the line that `systemctl status` shows.
func Status(text string) { send("STATUS=" + text) }

func send(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	defer connection.Close()
	_, _ = connection.Write([]byte(state))
}
