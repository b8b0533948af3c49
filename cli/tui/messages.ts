/**
 * Every text of the screen in English and Chinese: one catalogue, typed keys, typed values.
 *
 *     translate('zh', 'event.sent', { who: 'p1', offset: 12 })   ->   'p1 发送了 #12'
 *
 * Always true: a key has both languages (a missing one does not compile), both with the same {values}. The words are
 * those of docs/glossary.md. Texts of commands stay English: they are for scripts too.
 */
import type { Language } from '../../shared/lesson.ts';
import { DOORS_MESSAGES } from './messages-doors.ts';
import { LOG_MESSAGES } from './messages-log.ts';
import { ROBUST_MESSAGES } from './messages-robust.ts';

export const MESSAGES = {
  ...DOORS_MESSAGES,
  ...LOG_MESSAGES,
  ...ROBUST_MESSAGES,
  'app.needsTerminal': {
    en: 'the screen needs a terminal; in a pipe type: mq stage 1',
    zh: '界面需要终端；在管道中请输入：mq stage 1',
  },
  'app.tooSmall': { en: 'This terminal is {columns} x {rows}.', zh: '当前终端为 {columns} x {rows}。' },
  'app.enlarge': { en: 'Please make it {columns} x {rows} or larger.', zh: '请放大到 {columns} x {rows} 以上。' },
  'app.opening': { en: 'opening stage {stage} ...', zh: '正在打开第 {stage} 阶段……' },

  'stage.1': { en: 'blocking queue', zh: '阻塞队列' },
  'stage.2': { en: 'ring buffer', zh: '环形缓冲区' },
  'stage.3': { en: 'HTTP server', zh: 'HTTP 服务器' },
  'stage.4': { en: 'persisted log', zh: '持久化日志' },
  'stage.5': { en: 'robust broker', zh: '健壮的 broker' },
  'stage.1.idea': {
    en: 'a bounded buffer with two kinds of waiters; what was received is gone',
    zh: '有界缓冲区，两种等待者；消息一经接收就不在队列里了',
  },
  'stage.2.idea': {
    en: 'reading no longer destroys; groups have positions, deliveries have leases',
    zh: '读取不再销毁消息；消费组有自己的位置，投递有租约',
  },
  'stage.3.idea': {
    en: 'the same promise across a wire that can fail: HTTP in front of the ring',
    zh: '同样的承诺，隔着可能出错的网络：环形缓冲区前面加上 HTTP',
  },

  'picker.title': {
    en: 'A message queue in five stages. Which one shall run?',
    zh: '五个阶段构建一个消息队列。运行哪一个？',
  },
  'picker.keys': {
    en: 'up/down and Enter, or the number   l 中文   q quit',
    zh: '上下键加回车，或直接按数字   l English   q 退出',
  },

  'pane.producers': { en: 'producers', zh: '生产者' },
  'pane.consumers': { en: 'consumers', zh: '消费者' },
  'pane.more': { en: '{count} more: {keys}', zh: '还有 {count} 个：{keys}' },
  'pane.events': { en: 'what happened', zh: '发生了什么' },
  'pane.requests': { en: 'last requests', zh: '最近的请求' },
  'pane.help': { en: 'keys', zh: '按键说明' },
  'pane.message': {
    en: 'type a message for {who}: Enter sends, Esc leaves',
    zh: '给 {who} 输入一条消息：回车发送，Esc 放弃',
  },

  'curl.title': { en: 'request {number} of {count} as curl', zh: '第 {number} 个请求（共 {count} 个）的 curl 命令' },
  'curl.keys': {
    en: 'up/down: another one   any key: back   (the clipboard has it too, if the terminal allows)',
    zh: '上下键：换一个   任意键：返回   （终端允许时已复制到剪贴板）',
  },

  'header.running': { en: 'running', zh: '运行' },
  'header.frozen': { en: 'FROZEN', zh: '已冻结' },
  'header.overflow.wait': { en: 'if full: wait', zh: '满则等待' },
  'header.overflow.reject': { en: 'if full: reject', zh: '满则拒绝' },
  'header.overflow.drop-oldest': { en: 'if full: overwrite', zh: '满则覆盖' },

  'column.rate': { en: 'rate', zh: '速率' },
  'column.sent': { en: 'sent', zh: '已发' },
  'column.waiting': { en: 'wait', zh: '等待' },
  'column.group': { en: 'group', zh: '消费组' },
  'column.state': { en: 'state', zh: '状态' },
  'column.next': { en: 'next', zh: '下一' },
  'column.committed': { en: 'commit', zh: '已提交' },
  'column.inFlight': { en: 'fly', zh: '在途' },
  'column.redelivered': { en: 'again', zh: '重投' },
  'column.lag': { en: 'lag', zh: '积压' },
  'column.trend': { en: 'trend', zh: '趋势' },
  'column.held': { en: 'holds', zh: '手中' },

  'state.waiting': { en: 'waiting', zh: '等待' },
  'state.working': { en: 'working', zh: '处理中' },
  'state.paused': { en: 'paused', zh: '暂停' },
  'state.crashed': { en: 'CRASHED', zh: '已崩溃' },
  'state.slow': { en: 'slow', zh: '慢' },
  'state.none': { en: 'nobody: press n', zh: '没有：按 n' },
  'state.noReader': { en: 'nobody reads: press a', zh: '没有消费者：按 a' },

  'queue.title': {
    en: 'inside of "{topic}": {size} of {capacity} places taken',
    zh: '“{topic}” 内部：{capacity} 个位置已占 {size} 个',
  },
  'queue.sends': { en: 'sends that wait for a place', zh: '等待空位的发送' },
  'queue.receives': { en: 'receives that wait for a message', zh: '等待消息的接收' },
  'queue.put': { en: 'put', zh: '放入' },
  'queue.take': { en: 'take', zh: '取出' },
  'queue.nobody': { en: 'nobody', zh: '无' },
  'ring.title': {
    en: 'inside of "{topic}": {slots} slots, {range}',
    zh: '“{topic}” 内部：{slots} 个槽位，{range}',
  },
  'ring.empty': { en: 'empty', zh: '空' },
  'ring.sendsWait': { en: 'sends wait: {count}', zh: '等待的发送：{count}' },
  'ring.fetchesWait': { en: 'fetches wait: {count}', zh: '等待的拉取：{count}' },
  'ring.receivesWait': { en: 'receives wait: {count}', zh: '等待的接收：{count}' },
  'inside.none': { en: 'this broker does not show its inside', zh: '这个 broker 不展示内部' },
  'cell.free': { en: 'free', zh: '空闲' },
  'cell.ready': { en: 'ready', zh: '就绪' },
  'cell.in-flight': { en: 'in flight', zh: '在途' },
  'cell.acked': { en: 'acked', zh: '已确认' },
  'cell.overwritten': { en: 'overwritten', zh: '被覆盖' },
  'mark.write': { en: 'write', zh: '写入' },
  'mark.next': { en: 'next', zh: '下一' },
  'mark.committed': { en: 'committed', zh: '已提交' },

  'rates.sent': { en: 'sent', zh: '发送' },
  'rates.finished': { en: 'finished', zh: '完成' },
  'rates.send': { en: 'send', zh: '发送耗时' },
  'rates.endToEnd': { en: 'end to end', zh: '端到端' },

  'event.sent': { en: '{who} sent #{offset}', zh: '{who} 发送了 #{offset}' },
  'event.burst': { en: '{who} sends {count} at once', zh: '{who} 一次发送 {count} 条' },
  'event.refused': { en: '{who}: the queue refused a message ({code})', zh: '{who}：队列拒绝了一条消息（{code}）' },
  'event.tooManyWaiting': { en: '{who} has {count} sends waiting already', zh: '{who} 已有 {count} 个发送在等待' },
  'event.tooManyActors': { en: 'the screen has room for {count}, no more', zh: '界面最多容纳 {count} 个' },
  'event.full': {
    en: 'full: sends wait ({count}), that is back-pressure',
    zh: '满了：发送在等待（{count}），这就是背压',
  },
  'event.roomAgain': { en: 'room again: no send waits', zh: '又有空位：没有发送在等待' },
  'event.crashed': { en: '{who} CRASHED holding {offsets}', zh: '{who} 崩溃，手中有 {offsets}' },
  'event.crashedIdle': { en: '{who} CRASHED with empty hands', zh: '{who} 崩溃，手中没有消息' },
  'event.restarted': { en: '{who} is back as member {member}', zh: '{who} 重启，成为成员 {member}' },
  'event.cameBack': {
    en: '{offsets} CAME BACK {after} s after {holder} crashed: now with {by} (delivery {count})',
    zh: '{offsets} 在 {holder} 崩溃 {after} 秒后回来了：交给 {by}（第 {count} 次投递）',
  },
  'event.gone': {
    en: '{offsets} GONE: {after} s after {holder} crashed, neither inside nor redelivered',
    zh: '{offsets} 丢失：{holder} 崩溃 {after} 秒后，队列里没有，也没交给任何人',
  },
  'event.again.lease-expired': {
    en: '{offsets} again, to {by}: the lease had ended (delivery {count})',
    zh: '{offsets} 再次投递给 {by}：租约已到期（第 {count} 次投递）',
  },
  'event.again.retry': {
    en: '{offsets} again, to {by}: given back as failed (delivery {count})',
    zh: '{offsets} 再次投递给 {by}：上次处理失败（第 {count} 次投递）',
  },
  'event.again.return': {
    en: '{offsets} passed on to {by}: given back unprocessed (still delivery {count})',
    zh: '{offsets} 转交给 {by}：未处理就归还了（仍算第 {count} 次投递）',
  },
  'event.again.member-left': {
    en: '{offsets} passed on to {by}: the member before had left (still delivery {count})',
    zh: '{offsets} 转交给 {by}：原来的成员已离开（仍算第 {count} 次投递）',
  },
  'event.again.seek': {
    en: '{offsets} once more, to {by}: the group was moved back (delivery {count})',
    zh: '{offsets} 重新投递给 {by}：消费组的位置被移回（第 {count} 次投递）',
  },
  'event.again.redrive': {
    en: '{offsets} back from the dead letters, to {by} (delivery {count})',
    zh: '{offsets} 从死信重新投递给 {by}（第 {count} 次投递）',
  },
  'event.lateAck': {
    en: '{who} acked #{offset} too late: its lease had ended',
    zh: '{who} 确认 #{offset} 太晚：租约已到期',
  },
  'event.overwritten': {
    en: '{count} OVERWRITTEN before group {group} had finished them',
    zh: '{count} 条在消费组 {group} 完成之前被覆盖',
  },
  'event.dropped': { en: '{count} DROPPED to make room, the oldest first', zh: '为腾出空位丢弃了最旧的 {count} 条' },
  'event.left': { en: '{who} left in good order, gave back: {offsets}', zh: '{who} 正常离开，归还：{offsets}' },
  'event.groupDeleted': { en: 'group {group} deleted: nothing waits for it', zh: '消费组 {group} 已删除：不再等它' },
  'event.readerCrashed': { en: '{who} CRASHED; it had read up to #{offset}', zh: '{who} 崩溃；它已读到 #{offset}' },
  'event.readerStarts': {
    en: '{who} starts again at its commit, #{offset}',
    zh: '{who} 从已提交的 #{offset} 重新开始',
  },
  'event.fellBehind': {
    en: '{who} fell behind: #{offset} is overwritten, goes on at #{start}',
    zh: '{who} 落后了：#{offset} 已被覆盖，从 #{start} 继续',
  },
  'event.readerError': { en: '{who}: {code}', zh: '{who}：{code}' },
  'event.noOffsets': {
    en: 'stage 1 has no offsets to read by: go to stage 2',
    zh: '第 1 阶段没有偏移量可读：请看第 2 阶段',
  },
  'event.noRequests': { en: 'no request yet', zh: '还没有请求' },
  'event.overflow': { en: 'a new topic, overflow: {overflow}', zh: '新的主题，overflow：{overflow}' },

  'key.send': { en: 'send', zh: '发送' },
  'key.type': { en: 'type', zh: '输入' },
  'key.burst': { en: 'burst', zh: '突发' },
  'key.rate': { en: 'rate', zh: '速率' },
  'key.addProducer': { en: 'new producer', zh: '加生产者' },
  'key.removeProducer': { en: 'drop producer', zh: '减生产者' },
  'key.selectProducer': { en: 'which producer', zh: '选生产者' },
  'key.add': { en: 'add', zh: '添加' },
  'key.addGroup': { en: 'new group', zh: '新组' },
  'key.addReader': { en: 'log reader', zh: '日志读者' },
  'key.remove': { en: 'remove', zh: '移除' },
  'key.pause': { en: 'pause', zh: '暂停' },
  'key.slow': { en: 'slow', zh: '变慢' },
  'key.crash': { en: 'CRASH', zh: '崩溃' },
  'key.selectReader': { en: 'which consumer', zh: '选消费者' },
  'key.freeze': { en: 'freeze', zh: '冻结' },
  'key.step': { en: 'step', zh: '单步' },
  'key.second': { en: '1 second', zh: '走 1 秒' },
  'key.overflow': { en: 'when full', zh: '满时策略' },
  'key.curl': { en: 'curl', zh: 'curl 命令' },
  'key.stage': { en: 'stage', zh: '阶段' },
  'key.picker': { en: 'all stages', zh: '所有阶段' },
  'key.language': { en: '中文', zh: 'English' },
  'key.help': { en: 'help', zh: '帮助' },
  'key.quit': { en: 'quit', zh: '退出' },

  'help.send': { en: 'send one message at once', zh: '立即发送一条消息' },
  'help.type': { en: 'type a message yourself', zh: '自己输入一条消息' },
  'help.burst': { en: 'ten sends at once: see them wait', zh: '一次十条：满了就能看到等待' },
  'help.rate': { en: 'messages a second, 0 to 100', zh: '每秒的条数，0 到 100' },
  'help.addProducer': { en: 'one more producer', zh: '增加一个生产者' },
  'help.removeProducer': { en: 'the chosen producer goes', zh: '移除选中的生产者' },
  'help.selectProducer': { en: 'choose a producer', zh: '选择生产者' },
  'help.add': { en: 'one more of the same group', zh: '同一个组里再加一个成员' },
  'help.addGroup': { en: 'a consumer of a new group', zh: '新消费组的消费者：看到全部消息' },
  'help.addReader': { en: 'a log reader: fetch and commit', zh: '日志读者：按偏移量拉取并提交' },
  'help.remove': { en: 'it leaves and gives back', zh: '正常离开，归还手中的消息' },
  'help.pause': { en: 'it stops, its leases run on', zh: '原地停住，租约继续计时' },
  'help.slow': { en: 'work takes longer than a lease', zh: '处理得比租约还久' },
  'help.crash': { en: 'it dies silently; again: restart', zh: '悄悄死掉；再按一次：重启' },
  'help.selectReader': { en: 'choose a consumer', zh: '选择消费者' },
  'help.freeze': { en: 'all stands still, leases too', zh: '全部静止，租约也静止' },
  'help.step': { en: 'frozen: to the next event', zh: '冻结时：走到下一件事' },
  'help.second': { en: 'frozen: one second passes', zh: '冻结时：过去一秒' },
  'help.overflow': { en: 'full: wait, reject, overwrite', zh: '满了之后：等待、拒绝或覆盖' },
  'help.curl': { en: 'the last HTTP request as curl', zh: '最近的 HTTP 请求写成 curl' },
  'help.stage': { en: 'another stage, from the start', zh: '换一个阶段，从头开始' },
  'help.picker': { en: 'back to the list of stages', zh: '回到阶段列表' },
  'help.language': { en: 'switch to Chinese', zh: '切换到英文' },
  'help.help': { en: 'this page', zh: '本页' },
  'help.columns': {
    en: 'next: handed out up to here · commit: finished up to here · fly: in flight · again: redelivered · lag: from the committed offset to the end',
    zh: '下一：已投递到这里 · 已提交：已完成到这里 · 在途：处理中 · 重投：再次投递 · 积压：从已提交到末尾',
  },
  'help.cells': {
    en: 'A cell is in flight while any group works on it, and acked when every group has finished it.',
    zh: '一格：任何一个组在处理就是在途，所有组都完成才是已确认。',
  },
  'help.crashes': {
    en: 'Stage 1: what a crashed consumer held is gone. From stage 2 on it comes back when the lease ends.',
    zh: '第 1 阶段：崩溃的消费者手中的消息丢失。从第 2 阶段起：租约到期后回来。',
  },
  'help.quit': { en: 'leave; Ctrl-C too', zh: '离开；Ctrl-C 也可以' },
} as const satisfies Record<string, { readonly en: string; readonly zh: string }>;

export type MessageKey = keyof typeof MESSAGES;

/** Values to put into a text. */
export type MessageValues = Readonly<Record<string, string | number>>;

type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** The values a key needs, by name. */
export type ValuesOf<Key extends MessageKey> = Readonly<Record<NamesIn<(typeof MESSAGES)[Key]['en']>, string | number>>;

type KeyWithoutValues = { [Key in MessageKey]: [keyof ValuesOf<Key>] extends [never] ? Key : never }[MessageKey];

/** A text without values. */
export function say(language: Language, key: KeyWithoutValues): string {
  return MESSAGES[key][language];
}

/** A text with its values put in. */
export function translate<Key extends MessageKey>(language: Language, key: Key, values: ValuesOf<Key>): string {
  return fill(MESSAGES[key][language], values);
}

/** A text whose key and values were recorded together, as an event. */
export function translateRecorded(
  language: Language,
  recorded: { readonly key: MessageKey; readonly values: MessageValues },
): string {
  return fill(MESSAGES[recorded.key][language], recorded.values);
}

function fill(text: string, values: MessageValues): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}
