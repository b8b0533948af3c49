import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import javax.jms.Connection;
import javax.jms.InvalidDestinationException;
import javax.jms.JMSException;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Queue;
import javax.jms.QueueBrowser;
import javax.jms.Session;
import javax.jms.TemporaryQueue;
import javax.jms.TemporaryTopic;
import javax.jms.TextMessage;
import javax.jms.Topic;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.command.ActiveMQDestination;

/** Queues, topics, browsers, durable subscriptions, temporary destinations. */
final class DestinationChecks extends Harness {
    static void all() throws Exception {
        check("each subscriber of a topic gets each message", DestinationChecks::topic);
        check("a topic that nobody reads keeps nothing", DestinationChecks::unreadTopic);
        check("a wildcard covers topics that come later", DestinationChecks::wildcard);
        check("noLocal leaves out what this connection sent", DestinationChecks::noLocal);
        check("a selector of a queue leaves the rest to others", DestinationChecks::queueSelector);
        check("a selector of a topic lets the rest go", DestinationChecks::topicSelector);
        check("a browser shows what is there and takes nothing", DestinationChecks::browser);
        check("a browser shows more than it prefetches", DestinationChecks::longBrowser);
        check("a browser has a selector", DestinationChecks::browserSelector);
        check("a durable subscriber gets what came while it was away", DestinationChecks::durable);
        check("a durable subscription is forgotten when it is unsubscribed", DestinationChecks::unsubscribe);
        check("a durable subscription has one consumer", DestinationChecks::durableTwice);
        check("an answer comes to a temporary queue of another connection", () -> requestReply(true));
        check("an answer comes to a temporary topic of another connection", () -> requestReply(false));
        check("a temporary queue is for its connection to read", DestinationChecks::temporaryOfOthers);
        check("nobody sends to a temporary queue that is deleted", DestinationChecks::temporaryDeleted);
        check("a destination is deleted with all that is in it", DestinationChecks::destroy);
    }

    private static void topic() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Topic topic = session.createTopic(freshName());
        MessageConsumer first = session.createConsumer(topic);
        MessageConsumer second = auto(connection).createConsumer(topic);
        sendTexts(session, topic, 3);
        expectTexts(first, "m0", "m1", "m2");
        expectTexts(second, "m0", "m1", "m2");
        connection.close();
    }

    private static void unreadTopic() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Topic topic = session.createTopic(freshName());
        sendTexts(session, topic, 3);
        expectNothing(session.createConsumer(topic));
        connection.close();
    }

    private static void wildcard() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        String base = freshName();
        MessageConsumer one = session.createConsumer(session.createTopic(base + ".*"));
        MessageConsumer below = session.createConsumer(session.createTopic(base + ".>"));
        sendTexts(session, session.createTopic(base + ".a"), 1);
        Message message = one.receive(WAIT_MS);
        equal("m0", textOf(message));
        equal(session.createTopic(base + ".a"), message.getJMSDestination());
        expectTexts(below, "m0");
        sendTexts(session, session.createTopic(base + ".a.b"), 1);
        expectTexts(below, "m0");
        expectNothing(one);
        connection.close();
    }

    private static void noLocal() throws Exception {
        Connection connection = connect();
        Connection other = connect();
        Session session = auto(connection);
        Topic topic = session.createTopic(freshName());
        MessageConsumer consumer = session.createConsumer(topic, null, true);
        sendTexts(session, topic, 2);
        Session sender = auto(other);
        sender.createProducer(topic).send(sender.createTextMessage("of another"));
        expectTexts(consumer, "of another");
        expectNothing(consumer);
        connection.close();
        other.close();
    }

    private static void sendColours(Session session, javax.jms.Destination destination) throws JMSException {
        MessageProducer producer = session.createProducer(destination);
        for (String colour : new String[] {"red", "green", "red"}) {
            TextMessage message = session.createTextMessage(colour);
            message.setStringProperty("colour", colour);
            message.setIntProperty("size", colour.length());
            producer.send(message);
        }
    }

    private static void queueSelector() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        sendColours(session, queue);
        MessageConsumer some = session.createConsumer(queue, "colour = 'red' AND size BETWEEN 1 AND 3");
        expectTexts(some, "red", "red");
        expectNothing(some);
        expectTexts(session.createConsumer(queue), "green");
        connection.close();
    }

    private static void topicSelector() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Topic topic = session.createTopic(freshName());
        MessageConsumer some = session.createConsumer(topic, "colour LIKE 'g%'");
        sendColours(session, topic);
        expectTexts(some, "green");
        expectNothing(some);
        connection.close();
    }

    private static List<String> browsed(Session session, Queue queue, String selector) throws JMSException {
        QueueBrowser browser = session.createBrowser(queue, selector);
        List<String> texts = new ArrayList<>();
        Enumeration<?> messages = browser.getEnumeration();
        while (messages.hasMoreElements()) texts.add(textOf((Message) messages.nextElement()));
        browser.close();
        return texts;
    }

    private static void browser() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        equal(List.of(), browsed(session, queue, null));
        sendTexts(session, queue, 3);
        equal(List.of("m0", "m1", "m2"), browsed(session, queue, null));
        expectTexts(session.createConsumer(queue), "m0", "m1", "m2");
        equal(List.of(), browsed(session, queue, null));
        connection.close();
    }

    private static void longBrowser() throws Exception {
        Connection connection = connect("?jms.prefetchPolicy.queueBrowserPrefetch=20&jms.useAsyncSend=true");
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 250);
        session.createProducer(queue).send(session.createTextMessage("last"));
        equal(251, browsed(session, queue, null).size());
        connection.close();
    }

    private static void browserSelector() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        sendColours(session, queue);
        equal(List.of("green"), browsed(session, queue, "colour = 'green'"));
        connection.close();
    }

    private static Connection named(String clientId) throws JMSException {
        return connect("?jms.clientID=" + clientId);
    }

    private static void durable() throws Exception {
        String name = freshName();
        Connection connection = named(name);
        Session session = auto(connection);
        Topic topic = session.createTopic(name);
        session.createDurableSubscriber(topic, "sub").close();
        sendTexts(session, topic, 2);
        connection.close();
        Connection again = named(name);
        MessageConsumer consumer = auto(again).createDurableSubscriber(topic, "sub");
        expectTexts(consumer, "m0", "m1");
        expectNothing(consumer);
        again.close();
    }

    private static void unsubscribe() throws Exception {
        String name = freshName();
        Connection connection = named(name);
        Session session = auto(connection);
        Topic topic = session.createTopic(name);
        MessageConsumer consumer = session.createDurableSubscriber(topic, "sub");
        thrown(JMSException.class, () -> session.unsubscribe("sub"));
        consumer.close();
        session.unsubscribe("sub");
        sendTexts(session, topic, 2);
        expectNothing(session.createDurableSubscriber(topic, "sub"));
        thrown(JMSException.class, () -> session.unsubscribe("never there"));
        connection.close();
    }

    private static void durableTwice() throws Exception {
        String name = freshName();
        Connection connection = named(name);
        Session session = auto(connection);
        Topic topic = session.createTopic(name);
        session.createDurableSubscriber(topic, "sub");
        thrown(JMSException.class, () -> auto(connection).createDurableSubscriber(topic, "sub"));
        connection.close();
    }

    private static void requestReply(boolean isQueue) throws Exception {
        Connection asking = connect();
        Connection answering = connect();
        Session asker = auto(asking);
        Session answerer = auto(answering);
        Queue questions = freshQueue(asker);
        answerer.createConsumer(questions).setMessageListener(question -> {
            try {
                TextMessage answer = answerer.createTextMessage("answer to " + textOf(question));
                answer.setJMSCorrelationID(question.getJMSMessageID());
                answerer.createProducer(question.getJMSReplyTo()).send(answer);
            } catch (JMSException error) {
                System.err.println(error);
            }
        });
        javax.jms.Destination own = isQueue ? asker.createTemporaryQueue() : asker.createTemporaryTopic();
        MessageConsumer answers = asker.createConsumer(own);
        TextMessage question = asker.createTextMessage("a question");
        question.setJMSReplyTo(own);
        asker.createProducer(questions).send(question);
        Message answer = answers.receive(WAIT_MS);
        equal("answer to a question", textOf(answer));
        equal(question.getJMSMessageID(), answer.getJMSCorrelationID());
        equal(own, answer.getJMSDestination());
        asking.close();
        answering.close();
    }

    private static void temporaryOfOthers() throws Exception {
        Connection connection = connect();
        Connection other = connect();
        TemporaryQueue queue = auto(connection).createTemporaryQueue();
        thrown(InvalidDestinationException.class, () -> auto(other).createConsumer(queue));
        connection.close();
        other.close();
    }

    private static void temporaryDeleted() throws Exception {
        Connection connection = connect();
        Connection other = connect();
        Session session = auto(connection);
        TemporaryQueue queue = session.createTemporaryQueue();
        TemporaryTopic topic = session.createTemporaryTopic();
        Session sender = auto(other);
        sendTexts(sender, queue, 1);
        expectTexts(session.createConsumer(queue), "m0");
        Session third = auto(connection);
        TemporaryQueue unread = third.createTemporaryQueue();
        MessageProducer producer = sender.createProducer(unread);
        unread.delete();
        topic.delete();
        JMSException why = null;
        for (int attempt = 0; attempt < 100 && why == null; attempt += 1) {
            try {
                producer.send(sender.createTextMessage("too late"));
                Thread.sleep(10);
            } catch (InvalidDestinationException error) {
                why = error;
            }
        }
        truth(why != null, "it is refused");
        connection.close();
        other.close();
    }

    private static void destroy() throws Exception {
        Connection connection = connect();
        Session session = auto(connection);
        Queue queue = freshQueue(session);
        sendTexts(session, queue, 2);
        ((ActiveMQConnection) connection).destroyDestination((ActiveMQDestination) queue);
        expectNothing(session.createConsumer(queue));
        connection.close();
    }
}
