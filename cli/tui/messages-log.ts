/** The texts of stage 4: the log on the disk, the process that is killed, and what becomes of messages in time. */

export const LOG_MESSAGES = {
  'stage.4.idea': {
    en: 'what was acknowledged survives: a log on the disk, batched and synced',
    zh: '确认过的都能幸存：磁盘上的日志，成批写入并落盘',
  },

  'log.title': {
    en: 'log of "{topic}": {range}, files: {files}, {size}',
    zh: '“{topic}” 的日志：{range}，文件：{files}，{size}',
  },
  'log.files': { en: 'files', zh: '文件' },
  'log.earlier': { en: '{count} before', zh: '前面还有 {count} 个' },
  'log.index': {
    en: '{batches} batches; in its index {offsets} by offset, {times} by time',
    zh: '{batches} 个批次；索引中按偏移量 {offsets} 项，按时间 {times} 项',
  },
  'log.syncs': {
    en: '{syncs} syncs for {appends} appends',
    zh: '{appends} 次追加共 {syncs} 次同步',
  },
  'log.unsynced': { en: '{count} written, not synced', zh: '{count} 条已写入、未落盘' },
  'log.allSynced': { en: 'all synced', zh: '全部落盘' },
  'log.delayed': { en: 'delayed: {count}', zh: '延迟：{count}' },
  'log.due': { en: '{id} in {seconds} s', zh: '{id} 还有 {seconds} 秒' },
  'log.inFlight': { en: 'fly {count}', zh: '在途 {count}' },
  'log.waitAgain': { en: 'again later {count}', zh: '稍后重投 {count}' },
  'log.dead': { en: 'dead {count}', zh: '死信 {count}' },
  'mark.synced': { en: 'synced', zh: '已落盘' },

  'pane.process': { en: 'its process', zh: '它的进程' },
  'process.running': { en: 'pid {pid}, life {life}', zh: '进程 {pid}，第 {life} 次运行' },
  'process.ending': { en: 'pid {pid} is ending ...', zh: '进程 {pid} 正在结束……' },
  'process.dead': { en: 'pid {pid} IS DEAD: k starts another', zh: '进程 {pid} 已死：按 k 启动新的' },
  'process.starting': { en: 'starting on the same data ...', zh: '正在同一份数据上启动……' },
  'process.flush': { en: '{url} flush: {policy}', zh: '{url} 落盘：{policy}' },
  'process.opened': {
    en: 'data opened in {opening}, up in {start}',
    zh: '数据 {opening} 打开，{start} 就绪',
  },
  'process.promised': { en: 'acknowledged so far: {count}', zh: '至今已确认：{count}' },
  'process.survived': { en: 'after the kill: {found} of {count} there', zh: '被杀之后：{count} 条中 {found} 条都在' },

  'event.killed': {
    en: 'kill -9 {pid}: the broker is dead. Nobody was told; k starts it again',
    zh: 'kill -9 {pid}：broker 已死，没有任何告别。按 k 重新启动',
  },
  'event.died': {
    en: 'process {pid} ended, and nobody had killed it; k starts another',
    zh: '进程 {pid} 结束了，并没有人杀它；按 k 启动新的',
  },
  'event.started': {
    en: 'a new broker, pid {pid}, on the same data: opened in {opening}, there after {start}',
    zh: '新的 broker，进程 {pid}，同一份数据：{opening} 打开，{start} 后就绪',
  },
  'event.notice': { en: 'it says: {notice}', zh: '它说：{notice}' },
  'event.survived': {
    en: 'SURVIVED: all {count} acknowledged messages are there, same ids, same offsets',
    zh: '幸存：{count} 条已确认的消息都在，id 和偏移量不变',
  },
  'event.lost': {
    en: 'LOST: {lost} of {count} acknowledged messages are not there',
    zh: '丢失：{count} 条已确认的消息中有 {lost} 条不在了',
  },
  'event.unansweredFound': {
    en: 'without an answer: {count}; of these there all the same: {found}',
    zh: '没有响应的发送：{count}；其中仍然存下的：{found}',
  },
  'event.ackForgotten': {
    en: '#{offset} came again to {group}, which had acked it',
    zh: '{group} 已确认的 #{offset} 又来了一次',
  },
  'event.flushPolicy': {
    en: 'restarted in good order, opened in {ms}; flush policy: {policy}',
    zh: '正常重启，{ms} 打开；落盘策略：{policy}',
  },
  'event.brokerError': { en: 'the broker: {message}', zh: 'broker：{message}' },
  'event.frozenHere': {
    en: 'frozen on this side; the broker is another process: its leases run on',
    zh: '这一侧已冻结；broker 是另一个进程：它的租约照常计时',
  },
  'event.sentDelayed': {
    en: '{who} sent {id}: nobody gets it for {seconds} s, kill or no kill',
    zh: '{who} 发送了 {id}：{seconds} 秒内无人得到，被杀也一样',
  },
  'event.sentUrgent': { en: '{who} sent #{offset} with priority 9', zh: '{who} 发送了优先级 9 的 #{offset}' },
  'event.nothingHeld': { en: '{who} holds nothing to give back', zh: '{who} 手中没有可归还的消息' },
  'event.nack.retry': {
    en: '{who} failed on #{offset} (delivery {count}): again after a while, three times at most',
    zh: '{who} 处理 #{offset} 失败（第 {count} 次投递）：稍后重来，最多三次',
  },
  'event.nack.reject': { en: '{who} rejected #{offset}: never again', zh: '{who} 拒绝了 #{offset}：不再投递' },
  'event.dead': {
    en: '{count} DEAD in group {group}: a dead letter each, v brings them back',
    zh: '消费组 {group} 有 {count} 条成为死信：按 v 取回',
  },
  'event.redriven': { en: '{count} dead letters go back to {group}', zh: '{count} 条死信退回 {group}' },

  'key.kill': { en: 'KILL -9', zh: '杀死' },
  'key.delay': { en: 'delay', zh: '延迟' },
  'key.urgent': { en: 'urgent', zh: '加急' },
  'key.fail': { en: 'fail', zh: '失败' },
  'key.reject': { en: 'reject', zh: '拒绝' },
  'key.redrive': { en: 'redrive', zh: '取回死信' },
  'key.freezeHere': { en: 'freeze', zh: '冻结' },
  'key.flush': { en: 'flush policy', zh: '落盘策略' },

  'help.kill': { en: 'kill -9 the broker; again: start', zh: 'kill -9 杀死 broker；再按：启动' },
  'help.delay': { en: 'send one for eight seconds later', zh: '发一条八秒后才到的消息' },
  'help.urgent': { en: 'send one with priority 9', zh: '发一条优先级 9 的消息' },
  'help.fail': { en: 'it fails: again after a while', zh: '它处理失败：过一会儿重来' },
  'help.reject': { en: 'it rejects: a dead letter', zh: '它拒绝：成为死信' },
  'help.redrive': { en: 'its dead letters come back', zh: '它的死信重新投递' },
  'help.freezeHere': { en: 'all but the broker stands still', zh: '除了 broker 全部静止' },
  'help.flush': { en: 'always, interval or never', zh: '每次、定时或从不落盘' },
} as const;
