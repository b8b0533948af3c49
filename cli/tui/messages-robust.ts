/** The texts of stage 5: transactions, half messages, numbers, filters, and producers that die. */

export const ROBUST_MESSAGES = {
  'stage.5.idea': {
    en: 'every message ends somewhere known, all or nothing: transactions, filters',
    zh: '每条消息都有确定的结局，要么全部、要么全无：事务、过滤',
  },

  'robust.title': {
    en: 'log of "{topic}": {range}, open: {open}, half: {half}',
    zh: '“{topic}” 的日志：{range}，事务：{open}，半消息：{half}',
  },
  'robust.transactions': { en: 'open {count}', zh: '事务 {count}' },
  'robust.transaction': {
    en: '{id} {owner} {state} {age} s of {whole}: {records} records, {acks} acks',
    zh: '{id} {owner} {state} {age} 秒（限 {whole} 秒）：{records} 条，确认 {acks} 条',
  },
  'robust.noTransaction': { en: 'no transaction is open: t begins one', zh: '没有未结束的事务：按 t 开始' },
  'robust.halves': { en: 'half {count}', zh: '半消息 {count}' },
  'robust.half': {
    en: '{id} of "{group}": asked {checks}/{max}, next in {seconds} s',
    zh: '{id}，组 “{group}”：已问 {checks}/{max}，{seconds} 秒后再问',
  },
  'robust.halfDue': {
    en: '{id} of "{group}": asked {checks}/{max}, waits for anybody of the group',
    zh: '{id}，组 “{group}”：已问 {checks}/{max}，等该组任何成员来答',
  },
  'robust.noHalf': { en: 'no half message: y sends one', zh: '没有半消息：按 y 发送' },
  'state.open': { en: 'open', zh: '进行中' },
  'state.committing': { en: 'committing', zh: '提交中' },
  'state.aborting': { en: 'aborting', zh: '中止中' },
  'state.dead': { en: 'DEAD', zh: '已死' },
  'state.inTransaction': { en: 'tx {count}', zh: '事务{count}' },
  'state.inHalf': { en: 'half {count}', zh: '半{count}' },
  'state.uncommitted': { en: 'dirty', zh: '脏读' },
  'cell.undecided': { en: 'undecided', zh: '未定' },
  'cell.aborted': { en: 'aborted', zh: '已中止' },
  'cell.written': { en: 'not synced', zh: '未落盘' },
  'mark.committedMarker': { en: 'commit', zh: '提交' },
  'mark.abortedMarker': { en: 'abort', zh: '中止' },
  'mark.stable': { en: 'stable', zh: '稳定点' },

  'event.transactionBegun': {
    en: '{who} began {id}: orders and ledger, all or nothing',
    zh: '{who} 开始 {id}：订单和账目，全有或全无',
  },
  'event.transactionCommitted': {
    en: '{who} COMMITTED: {count} orders and {count} ledger lines are seen at once',
    zh: '{who} 提交：{count} 个订单和 {count} 行账目同时可见',
  },
  'event.transactionAborted': {
    en: '{who} ABORTED: nobody gets its {count} orders and ledger lines',
    zh: '{who} 中止：{count} 个订单和账目谁也拿不到',
  },
  'event.ended.committed': {
    en: '{who}: its transaction had been committed',
    zh: '{who}：它的事务已经提交',
  },
  'event.ended.aborted': {
    en: '{who}: its transaction is over, the broker had aborted it',
    zh: '{who}：它的事务已经结束，被 broker 中止',
  },
  'event.ended.unknown': {
    en: '{who}: nobody can say how its transaction ended',
    zh: '{who}：没有人知道它的事务如何结束',
  },
  'event.transactionLost': {
    en: '{who}: its transaction died with the broker, which aborts it at its start',
    zh: '{who}：事务随 broker 死去；broker 启动时会中止它',
  },
  'event.transactionLeft': {
    en: '{who} left {id} open: all behind it waits, {seconds} s at most, or until {who} is back',
    zh: '{who} 留下未结束的 {id}：其后的都在等，最多 {seconds} 秒，或等 {who} 回来',
  },
  'event.transactionFenced': {
    en: '{who} begins under its name again: what it left open is aborted',
    zh: '{who} 用同一名字重新开始：留下的事务被中止',
  },
  'event.ackedTogether': {
    en: '{who} acks {offsets} in the transaction of {owner}: done at its commit',
    zh: '{who} 在 {owner} 的事务中确认 {offsets}：提交时才完成',
  },
  'event.endUnanswered': {
    en: '{who}: no answer how it ended; asks the next broker',
    zh: '{who}：不知事务如何结束；去问下一个 broker',
  },
  'event.noTransaction': { en: '{who} has no transaction open', zh: '{who} 没有未结束的事务' },
  'event.marker.committed': {
    en: 'marker C at #{offset}: {id} committed, {count} records',
    zh: '#{offset} 处标记 C：{id} 已提交，{count} 条',
  },
  'event.marker.aborted': {
    en: 'marker A at #{offset}: {id} aborted, {count} records',
    zh: '#{offset} 处标记 A：{id} 已中止，{count} 条',
  },

  'event.abortedSeen': {
    en: '{who} got #{offset}, which was never committed',
    zh: '{who} 收到了从未提交的 #{offset}',
  },

  'event.producerCrashed': { en: '{who} CRASHED: C starts it again', zh: '{who} 崩溃：按 C 重启' },
  'event.producerBack': { en: '{who} is back, a new process of the same name', zh: '{who} 回来：同名的新进程' },
  'event.producerDead': { en: '{who} is dead: C starts it again', zh: '{who} 已死：按 C 重启' },

  'event.halfSent': {
    en: '{who}: half {id} is safe and unseen; the work begins',
    zh: '{who}：半消息 {id} 已存好、不可见；开始工作',
  },
  'event.halfWorked': {
    en: '{who}: the work of {id} is done, the broker not told yet',
    zh: '{who}：{id} 的工作已完成，还没告诉 broker',
  },
  'event.halfAsked': {
    en: 'the broker asks {who}: how did {id} end? ({count}/{max})',
    zh: 'broker 问 {who}：{id} 结果如何？（{count}/{max}）',
  },
  'event.half.commit': {
    en: '{who}: half {id} COMMITTED, it is #{offset} now',
    zh: '{who}：半消息 {id} 提交，现在是 #{offset}',
  },
  'event.half.abort': {
    en: '{who}: half {id} ABORTED, never delivered',
    zh: '{who}：半消息 {id} 中止，永不投递',
  },
  'event.half.unknown': {
    en: '{who}: half {id} is still worked on, ask later',
    zh: '{who}：半消息 {id} 还在处理，稍后再问',
  },
  'event.halfDecided': {
    en: '{who}: too late, the half message is decided the other way',
    zh: '{who}：太晚了，半消息已有相反的决定',
  },
  'event.noHalf': { en: 'no half message to decide: y sends one', zh: '没有待定的半消息：按 y 发送' },

  'event.sentNumbered': { en: '{who} sent #{offset} as number {number}', zh: '{who} 发送 #{offset}，编号 {number}' },
  'event.duplicate': {
    en: '{who} repeats number {number}: DUPLICATE, offset {offset}, not stored again',
    zh: '{who} 重发编号 {number}：重复，偏移量 {offset}，没有再存',
  },
  'event.storedTwice': {
    en: '{who} repeats number {number}: STORED TWICE, offset {offset}',
    zh: '{who} 重发编号 {number}：存了两份，偏移量 {offset}',
  },
  'event.nothingNumbered': {
    en: '{who} has no numbered send to repeat: press s',
    zh: '{who} 没有可重发的编号：按 s',
  },

  'event.filter': {
    en: '{who} takes only {filter}; the rest is for others',
    zh: '{who} 只取 {filter}；其余留给别人',
  },
  'event.noFilter': { en: '{who} takes everything again', zh: '{who} 重新接收全部' },
  'event.readsUncommitted': {
    en: '{who} reads uncommitted: what is undecided too',
    zh: '{who} 读未提交：未定的也读',
  },
  'event.readsCommitted': {
    en: '{who} reads committed: up to the last stable offset',
    zh: '{who} 读已提交：读到稳定点为止',
  },
  'event.notALogReader': {
    en: '{who} gets committed ones only: r adds a log reader',
    zh: '{who} 只会得到已提交的：按 r 添加日志读者',
  },
  'event.notAConsumer': {
    en: '{who} reads the log as it is: filters are for consumers',
    zh: '{who} 按原样读日志：过滤用于消费者',
  },

  'key.transaction': { en: 'begin/end', zh: '事务' },
  'key.abort': { en: 'abort', zh: '中止' },
  'key.ackTogether': { en: 'ack in it', zh: '事务内确认' },
  'key.half': { en: 'half', zh: '半消息' },
  'key.decideHalf': { en: 'end half', zh: '定半消息' },
  'key.crashProducer': { en: 'p dies', zh: '生产者死' },
  'key.repeat': { en: 'repeat', zh: '重发' },
  'key.isolation': { en: 'isolation', zh: '隔离级别' },
  'key.filter': { en: 'filter', zh: '过滤' },

  'help.transaction': { en: 'begin in two topics; commit', zh: '开始跨两个主题的事务；提交' },
  'help.abort': { en: 'abort its transaction', zh: '中止它的事务' },
  'help.ackTogether': { en: 'the consumer acks in it', zh: '消费者在该事务中确认' },
  'help.half': { en: 'a half message, then its work', zh: '发半消息，然后做它的工作' },
  'help.decideHalf': { en: 'the next half: commit, abort', zh: '下一条半消息：提交、中止' },
  'help.crashProducer': { en: 'producer dies; again: restart', zh: '生产者死掉；再按：重启' },
  'help.repeat': { en: 'the last number once more', zh: '再发一次最后的编号' },
  'help.isolation': { en: 'log reader: dirty reads or not', zh: '日志读者：是否脏读' },
  'help.filter': { en: 'consumer: tag, selector, all', zh: '消费者：标签、选择器、全部' },
  'help.robust': {
    en: 'U undecided: from ◇ on nobody gets anything; [C] [A] how a transaction ended; - aborted. Press C while a transaction or a half message is open.',
    zh: 'U 未定：从 ◇ 起谁也拿不到；[C] [A] 事务如何结束；- 已中止。事务或半消息未结束时试按 C。',
  },
} as const;
