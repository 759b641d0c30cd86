"""The kernel that will run: what boot loaders' own files say."""

from __future__ import annotations

from clustr.remote.boot_loader import next_kernel

# grub.cfg of Debian 12 with two kernels, as facts.sh filters it.
GRUB = """\
   set default="${next_entry}"
   set default="DEFAULT"
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-11' {
\tlinux\t/boot/vmlinuz-6.1.0-26-amd64 root=UUID=11 ro  quiet
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-11' {
\tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-26-amd64' --class debian $menuentry_id_option 'gnulinux-6.1.0-26-amd64-advanced-11' {
\t\tlinux\t/boot/vmlinuz-6.1.0-26-amd64 root=UUID=11 ro  quiet
\t}
\tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-25-amd64' --class debian $menuentry_id_option 'gnulinux-6.1.0-25-amd64-advanced-11' {
\t\tlinux\t/boot/vmlinuz-6.1.0-25-amd64 root=UUID=11 ro  quiet
\t}
}
menuentry 'Memory test' --class memtest $menuentry_id_option 'memtest' {
}
"""  # noqa: E501 - as GRUB writes it


def grub(default: str, environment: str = "") -> str:
    return next_kernel(running="5.0", grub=GRUB.replace("DEFAULT", default), grubenv=environment)


def test_grub_by_number_title_and_id() -> None:
    assert grub("0") == "6.1.0-26-amd64"
    assert grub("1>1") == "6.1.0-25-amd64"
    assert grub("Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-25-amd64") == "6.1.0-25-amd64"
    assert grub("gnulinux-advanced-11>gnulinux-6.1.0-25-amd64-advanced-11") == "6.1.0-25-amd64"


def test_grub_takes_the_first_where_the_default_is_gone() -> None:
    assert grub("1>9") == "6.1.0-26-amd64"


def test_grub_environment() -> None:
    saved = "# GRUB Environment Block\nsaved_entry=1>1\n####"
    assert grub("${saved_entry}", saved) == "6.1.0-25-amd64"
    assert grub("0", saved) == "6.1.0-26-amd64"
    assert grub("0", "next_entry=gnulinux-advanced-11>gnulinux-6.1.0-25-amd64-advanced-11") == "6.1.0-25-amd64"


def test_an_entry_without_a_kernel_tells_nothing() -> None:
    assert grub("memtest") == "5.0"


def test_grubby_knows_better() -> None:
    assert (
        next_kernel(running="5.0", grubby="/boot/vmlinuz-5.14.0-427.el9.x86_64", grub=GRUB) == "5.14.0-427.el9.x86_64"
    )


def test_without_a_boot_loader() -> None:
    images = ["/boot/vmlinuz-6.8.0-9-generic", "/boot/vmlinuz-6.8.0-31-generic", "/boot/vmlinuz-6.5.0-45-generic"]
    assert next_kernel(running="5.0", link="boot/vmlinuz-6.8.0-9-generic", images=images) == "6.8.0-9-generic"
    assert next_kernel(running="5.0", images=images) == "6.8.0-31-generic"
    assert next_kernel(running="5.0") == "5.0"
