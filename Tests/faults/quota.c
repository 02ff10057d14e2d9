// The kernel's answer about quotas: the user has used all of a quota but QUOTA_LEFT bytes. To be
// preloaded, where the kernel has no quotas to try.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/quota.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int quotactl(int command, const char *device, int id, char *answer) {
  struct if_dqblk block = {0};
  if (command != (int)QCMD(Q_GETQUOTA, USRQUOTA) || id != (int)getuid() || device[0] != '/') {
    errno = ESRCH;
    return -1;
  }
  block.dqb_bhardlimit = 1 << 20;
  block.dqb_bsoftlimit = 1 << 19;
  block.dqb_curspace = (1ul << 30) - atol(getenv("QUOTA_LEFT"));
  block.dqb_valid = QIF_LIMITS | QIF_USAGE;
  memcpy(answer, &block, sizeof block);
  return 0;
}
